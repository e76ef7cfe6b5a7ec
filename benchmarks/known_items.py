"""Ask what known items of an anchor corpus tell of a candidate's change on the anchor queries.

    python benchmarks/candidates.py STREAM ... --into FOLDER --known
    python benchmarks/known_items.py FOLDER [--trials 200]

Known items are documents of the corpus, asked for by a part of themselves; nobody labels them. For
each set that has some, it prints over all candidates: the correlation of the mean differences from
the base on true queries and on known items, their slope, and how far they are apart (root mean
square). Then, with the gate's bounds on all queries of either side: of the candidates that truly
lose more than the margin, how many the known items let pass (as evidence for a candidate they would
be wrong), and how many they refuse (as evidence against it they would be right); and of those that
truly lose nothing, how many they refuse all the same.
"""

import argparse
from pathlib import Path

import numpy as np
from candidates import KNOWN
from evidence import CONFIDENCE, MARGIN, Floats, Task, hard, tasks

from pipeline.gate.bounds import lower_bound, upper_bound


def changes(task: Task) -> dict[str, Floats]:
    """Return the differences from the base, by candidate and query."""
    before = hard(task.base)
    return {name: hard(found) - before for name, found in task.candidates.items()}


def bounds(differences: Floats) -> tuple[float, float]:
    """Return the lower and the upper bound of the gate."""
    low, high = (
        bound(differences, CONFIDENCE, worst_loss=0.5, seed=0, draws=1000)
        for bound in (lower_bound, upper_bound)
    )
    return low, high


def main() -> None:
    """Print one block for each set with known items, and the counts of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    by_name = {task.name: task for task in tasks(options.folder)}
    total = np.zeros(5, int)
    heads = ("harmful", "let pass", "refused", "harmless", "refused")
    print(f"{'set':42}{'queries':>8}{'items':>7}{'same':>7}{'slope':>7}{'apart':>8}"
          + "".join(f"{head:>10}" for head in heads))  # fmt: skip
    for name, task in by_name.items():
        stream, own = name.split("/")
        items = by_name.get(f"{stream}/{KNOWN}{own}")
        if items is None:
            continue
        true, known = changes(task), changes(items)
        true = {each: differences for each, differences in true.items() if each in known}
        pairs = np.array([(true[each].mean(), known[each].mean()) for each in true])
        counts = np.zeros(5, int)
        for each, differences in true.items():
            low, high = bounds(known[each])
            mean = differences.mean()
            if mean <= -MARGIN:
                counts[:3] += (1, low > -MARGIN, high < -MARGIN)
            elif mean >= 0.0:
                counts[3:] += (1, high < -MARGIN)
            print(f"    {each:20}{mean:+9.4f}{known[each].mean():+9.4f} [{low:+.4f}, {high:+.4f}]")
        total += counts
        same = np.corrcoef(pairs.T)[0, 1]
        slope = pairs[:, 0] @ pairs[:, 1] / (pairs[:, 0] @ pairs[:, 0])
        apart = np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2).mean())
        queries = (len(each[next(iter(each))]) for each in (true, known))
        cells = "".join(f"{count:>10}" for count in counts)
        print(f"{name:42}" + "{:>8}{:>7}".format(*queries)
              + f"{same:7.2f}{slope:7.2f}{apart:8.4f}{cells}", flush=True)  # fmt: skip
    print(f"all: harmful {total[0]}, let pass {total[1]}, refused {total[2]}; "
          f"harmless {total[3]}, refused {total[4]}")  # fmt: skip


if __name__ == "__main__":
    main()
