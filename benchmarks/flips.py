"""How often a comparison is decided otherwise where scores are computed in bfloat16.

    python benchmarks/candidates.py STREAM ... --into FOLDER --half HALF
    python benchmarks/flips.py FOLDER HALF [--trials 50]

FOLDER and HALF are what candidates.py wrote: the same models in float32 and in bfloat16. Of each
evaluation set, some queries are drawn again and again. On them each candidate is compared with the
base in both number formats, as an anchor set (within the margin) and as the new task (above 0), at
the gate's defaults. A comparison passes, is refused, or is inconclusive; a flip is one with
different outcomes in the two formats, and `opposite` one that passes in one and is refused in the
other. `near` are comparisons one of whose bounds in float32 lies within 0.002 of the threshold.
`moved` is the share of queries whose nDCG@10 changed, `mean` the largest change of a model's mean,
and `difference` the largest change of a mean difference from the base.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from evidence import hard, tasks

from pipeline.gate import Gate

SIZES = (30, 100, 300)
NEAR = 0.002


def outcome(low: float, high: float, threshold: float) -> str:
    """Return what a comparison says."""
    return "passes" if low > threshold else "refused" if high < threshold else "inconclusive"


def count(counts: dict[str, int], exact: str, half: str, close: bool) -> None:
    """Count one comparison by its outcomes in both formats."""
    counts["compared"] += 1
    counts["flips"] += exact != half
    counts["passes in bfloat16 only"] += half == "passes" != exact
    counts["passes in float32 only"] += exact == "passes" != half
    counts["opposite"] += {exact, half} == {"passes", "refused"}
    counts["near"] += close


def main() -> None:
    """Print one row per set, and the flips per 1,000 comparisons by number of queries."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("exact", type=Path, metavar="FOLDER")
    parser.add_argument("half", type=Path, metavar="HALF")
    parser.add_argument("--trials", type=int, default=50, help="draws per candidate and size")
    options = parser.parse_args()
    gate, generator = Gate(), np.random.default_rng(0)
    thresholds = {"anchor": -gate.max_drop, "new": gate.min_gain}
    counts: dict[tuple[str, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    print(f"{'set':44}{'queries':>8}{'models':>7}{'moved':>8}{'mean':>9}{'difference':>12}")
    for exact, half in zip(tasks(options.exact), tasks(options.half), strict=True):
        before = hard(exact.base), hard(half.base)
        moved, means, shifts = [], [], []
        for name, found in exact.candidates.items():
            after = hard(found), hard(half.candidates[name])
            moved.append(float((after[0] != after[1]).mean()))
            means.append(abs(float((after[1] - after[0]).mean())))
            changes = after[0] - before[0], after[1] - before[1]
            shifts.append(abs(float((changes[1] - changes[0]).mean())))
            for size in SIZES:
                for _ in range(options.trials):
                    rows = generator.integers(0, len(before[0]), size)
                    bounds = [gate.bounds(change[rows]) for change in changes]
                    for role, threshold in thresholds.items():
                        outcomes = [outcome(*each, threshold) for each in bounds]
                        close = min(abs(each - threshold) for each in bounds[0]) < NEAR
                        count(counts[role, size], *outcomes, close)
        print(
            f"{exact.name:44}{len(before[0]):8}{len(means):7}{np.mean(moved):8.1%}"
            f"{max(means):9.5f}{max(shifts):12.5f}",
            flush=True,
        )
    print("\nper 1,000 comparisons")
    names = ("flips", "passes in bfloat16 only", "passes in float32 only", "opposite", "near")
    print(f"{'role':8}{'queries':>8}{'compared':>9}" + "".join(f"{name:>26}" for name in names))
    for (role, size), found in counts.items():
        rates = "".join(f"{1000 * found[name] / found['compared']:26.1f}" for name in names)
        print(f"{role:8}{size:8}{found['compared']:9}{rates}")


if __name__ == "__main__":
    main()
