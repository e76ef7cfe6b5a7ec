"""Ask what other evidence would decide sooner than nDCG@10, and how often it would be wrong.

    python benchmarks/evidence.py agreement FOLDER   # does soft nDCG@10 measure the same?
    python benchmarks/evidence.py error FOLDER       # passes of candidates worse by the margin
    python benchmarks/evidence.py strata FOLDER      # what the scores alone tell of a difference
    python benchmarks/evidence.py choice FOLDER      # which metric chooses the better candidate
    python benchmarks/evidence.py pool FOLDER SET SET   # two anchor sets of one task as one
    python benchmarks/evidence.py groups FOLDER      # queries with the same answers

FOLDER is what candidates.py wrote. The figures are in docs/measurements/evidence.md.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from candidates import Found, read_found
from numpy.typing import NDArray

from pipeline.gate.bounds import lower_bound, queries_to_see
from training.evaluation.soft import DEEP, GAINS, SHARE, soft_ndcg, temperature_of

MARGIN = 0.02
CONFIDENCE = 0.95
SHARES = (0.05, 0.1, 0.2, 0.3)
FIXED = (0.02, 0.05)
SIZES = (30, 100, 300, 1000)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One evaluation set with the base and its candidates."""

    name: str
    base: Found
    candidates: dict[str, Found]


def tasks(folder: Path) -> Iterator[Task]:
    """Yield all sets of all streams."""
    for stream in sorted(each for each in folder.iterdir() if each.is_dir()):
        for name, found in read_found(stream).items():
            base = found.pop("base")
            yield Task(f"{stream.name}/{name}", base, found)


def nearest(found: Found, depth: int) -> tuple[Floats, Floats, Floats]:
    """Return similarities and grades of the nearest documents, and the ideal gains."""
    order = np.argsort(-found.similarities, axis=1, kind="stable")[:, :depth]
    similarities, grades = (
        np.take_along_axis(each, order, axis=1).astype(np.float64)
        for each in (found.similarities, found.grades)
    )
    best = -np.sort(-found.grades.astype(np.float64), axis=1)[:, :10]
    return similarities, grades, best @ GAINS[: best.shape[1]]


def hard(found: Found) -> Floats:
    """Return nDCG@10 by query."""
    _, grades, ideal = nearest(found, 10)
    return np.asarray(grades @ GAINS[: grades.shape[1]] / ideal)


def soft(found: Found, share: float, fixed: float | None = None) -> Floats:
    """Return soft nDCG@10 by query, at a share of the model's own differences or a fixed cosine."""
    similarities, grades, ideal = nearest(found, DEEP)
    temperature = temperature_of(similarities, share) if fixed is None else fixed
    return soft_ndcg(similarities, grades, ideal, temperature)


def agreement(folder: Path) -> None:
    """Print how soft and plain differences compare, by set and temperature."""
    print(
        "correlation of a query's scores (base) and differences, spread and queries needed of soft "
        "over plain, slope of the mean differences, their root mean square distance"
    )
    for task in tasks(folder):
        before = hard(task.base)
        plain = {name: hard(found) - before for name, found in task.candidates.items()}
        means = np.array([each.mean() for each in plain.values()])
        print(f"\n{task.name}: {len(before)} queries, base {before.mean():.3f}")
        print("  " + ", ".join(f"{name} {each.mean():+.3f}" for name, each in plain.items()))
        for label, share, fixed in (
            *((f"{share:g} of own", share, None) for share in SHARES),
            *((f"{cosine:g} cosine", 0.0, cosine) for cosine in FIXED),
        ):
            start = soft(task.base, share, fixed)
            other = {
                name: soft(found, share, fixed) - start for name, found in task.candidates.items()
            }
            moved = [name for name, each in plain.items() if each.std() > 0]
            same = np.median([np.corrcoef(plain[name], other[name])[0, 1] for name in moved])
            ratio = np.median([other[name].std() / plain[name].std() for name in moved])
            needed = np.median([_needed(other[name]) / _needed(plain[name]) for name in moved])
            shown = np.array([each.mean() for each in other.values()])
            print(
                f"  {label:12}{np.corrcoef(before, start)[0, 1]:7.2f}{same:7.2f}{ratio:7.2f}"
                f"{needed:7.2f}{shown @ means / (means @ means):7.2f}"
                f"{np.sqrt(((shown - means) ** 2).mean()):8.4f}",
                flush=True,
            )


def _needed(differences: Floats) -> int:
    spread = float(differences.std(ddof=1))
    return queries_to_see(MARGIN, spread, CONFIDENCE, worst_loss=0.5) or 1_000_000


def tilted(differences: Floats, mean: float) -> Floats | None:
    """Return weights of the queries under which the differences have this mean; None: none do."""
    low, high = -200.0, 200.0
    for _ in range(100):
        tilt = (low + high) / 2
        exponents = tilt * differences
        weights = np.exp(exponents - exponents.max())
        weights /= weights.sum()
        low, high = (tilt, high) if weights @ differences < mean else (low, tilt)
    return weights if abs(weights @ differences - mean) < 1e-6 else None


def passes(differences: Floats, confidence: float = CONFIDENCE) -> bool:
    """Whether the gate's bound is within the margin."""
    return lower_bound(differences, confidence, worst_loss=0.5, seed=0, draws=1000) > -MARGIN


RULES = ("plain", "soft", "better", "both", "0.8+soft")


def error(folder: Path, trials: int, share: float) -> None:
    """Print how often candidates pass whose nDCG@10 is truly worse by the margin, or equal."""
    print(
        f"passes; soft at {share:g} of own; better: either passes; both: both do; 0.8+soft: plain"
    )
    print("at a confidence of 0.8, and soft. Queries 300/4: 75 queries in four wordings each")
    generator = np.random.default_rng(0)
    worst: dict[tuple[float, str], Floats] = {}
    for task in tasks(folder):
        before, start = hard(task.base), soft(task.base, share)
        for name, found in task.candidates.items():
            plain, other = hard(found) - before, soft(found, share) - start
            for mean in (-MARGIN, 0.0):
                weights = tilted(plain, mean)
                # Of a candidate that is far from this mean, a few queries would be all.
                if weights is None or 1 / (weights**2).sum() < len(plain) / 2:
                    continue
                print(
                    f"{task.name} {name} {plain.mean():+.3f}, {mean:+.2f} "
                    f"(soft {weights @ other:+.4f})"
                )
                for label, groups, times in (*((str(n), n, 1) for n in SIZES), ("300/4", 75, 4)):
                    counts = np.zeros(len(RULES))
                    for _ in range(trials):
                        rows = generator.choice(len(plain), groups, p=weights).repeat(times)
                        one, two = passes(plain[rows]), passes(other[rows])
                        weak = two and passes(plain[rows], 0.8)
                        counts += (one, two, one or two, one and two, weak)
                    rates = counts / trials
                    print(f"  {label:>6}" + "".join(f"{rate:9.2f}" for rate in rates), flush=True)
                    key = (mean, label)
                    worst.setdefault(key, np.empty((0, len(RULES))))
                    worst[key] = np.vstack([worst[key], rates])
    print(f"\n{'mean':>6}{'queries':>9}" + "".join(f"{rule:>18}" for rule in RULES))
    for (mean, label), rates in worst.items():
        shown = zip(np.median(rates, axis=0), rates.max(axis=0), strict=True)
        print(f"{mean:+6.2f}{label:>9}" + "".join(f"{a:10.2f} to {b:.2f}" for a, b in shown))


def strata(folder: Path) -> None:
    """Print which share of the variance of a difference the scores explain without labels."""
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import cross_val_predict

    print(
        "share of the variance explained (out of ten folds): by the champion's gaps; with labels,"
    )
    print("by its own score and gaps; by how far the first ten moved; by truth of either's first")
    for task in tasks(folder):
        before = hard(task.base)
        own, _, _ = nearest(task.base, 10)
        gaps = np.column_stack([own[:, 0] - own[:, 1], own[:, 0] - own[:, -1], own[:, 0]])
        shown = []
        for found in task.candidates.values():
            change = hard(found) - before
            if not change.any():
                continue
            moved = _overlap(task.base, found)
            by_first = _by_first(task.base, found)
            sets = (gaps, np.column_stack([gaps, before]), moved[:, None], by_first)
            shown.append(
                [
                    1
                    - (
                        (change - cross_val_predict(LinearRegression(), each, change, cv=10)) ** 2
                    ).mean()
                    / change.var()
                    for each in sets
                ]
            )
        middle = np.median(shown, axis=0)
        print(f"{task.name:40}" + "".join(f"{value:8.2f}" for value in middle), flush=True)


def _overlap(first: Found, second: Found) -> Floats:
    tops = [
        np.argsort(-each.similarities, axis=1, kind="stable")[:, :10] for each in (first, second)
    ]
    return np.array([np.isin(*pair).mean() for pair in zip(*tops, strict=True)])


def _by_first(first: Found, second: Found) -> Floats:
    """Return the differences if the first document of either model were what answers."""
    columns = []
    for truth in (first, second):
        grades = np.zeros_like(first.grades)
        grades[np.arange(len(grades)), truth.similarities.argmax(axis=1)] = 1
        pair = (Found(each.similarities, grades) for each in (first, second))
        one, two = map(hard, pair)
        columns.append(two - one)
    return np.column_stack(columns)


def choice(folder: Path, trials: int) -> None:
    """Print what is lost by choosing among the trained candidates on few queries, by metric."""
    names = ("plain", *(f"soft {share:g}" for share in SHARES))
    print(
        f"mean nDCG@10 below the best candidate's, chosen on some queries, measured on the others\n"
        f"{'':40}{'queries':>8}" + "".join(f"{name:>10}" for name in names)
    )
    generator = np.random.default_rng(0)
    total: dict[int, list[Sequence[float]]] = {}
    for task in tasks(folder):
        models = {"base": task.base, **task.candidates}
        truth = np.array([hard(found) for found in models.values()])
        scores = [truth, *(np.array([soft(f, share) for f in models.values()]) for share in SHARES)]
        for queries in (20, 50, 100):
            if queries > truth.shape[1] / 2:
                continue
            lost = np.zeros((trials, len(names)))
            for trial in range(trials):
                order = generator.permutation(truth.shape[1])
                rows, rest = order[:queries], truth[:, order[queries:]].mean(axis=1)
                chosen = [rest[each[:, rows].mean(axis=1).argmax()] for each in scores]
                lost[trial] = rest.max() - np.array(chosen)
            means = lost.mean(axis=0)
            total.setdefault(queries, []).append(means)
            print(
                f"{task.name:40}{queries:8}" + "".join(f"{each:10.4f}" for each in means),
                flush=True,
            )
    for queries, rows in total.items():
        print(
            f"{'mean':40}{queries:8}" + "".join(f"{each:10.4f}" for each in np.mean(rows, axis=0))
        )


POOLED = (23, 75)
"""Queries of two anchor sets."""


def pool(folder: Path, names: Sequence[str], trials: int) -> None:
    """Print how often two anchor sets of one task let a candidate pass, apart and as one."""
    first, second = (task for task in tasks(folder) if task.name in names)
    generator = np.random.default_rng(0)
    print(
        f"queries {POOLED}, true means: passes of the first, the second, both, pooled; median, most"
    )
    for means in ((0.0, 0.0), (-MARGIN, -MARGIN), (-MARGIN * sum(POOLED) / POOLED[0], 0.0)):
        rates = []
        for name in first.candidates.keys() & second.candidates.keys():
            changes = [hard(each.candidates[name]) - hard(each.base) for each in (first, second)]
            weights = [tilted(*pair) for pair in zip(changes, means, strict=True)]
            counts = np.zeros(4)
            for _ in range(trials):
                drawn = [
                    generator.choice(change, size, p=weight)
                    for change, size, weight in zip(changes, POOLED, weights, strict=True)
                    if weight is not None
                ]
                if len(drawn) < 2:
                    break
                one, two = map(passes, drawn)
                counts += (one, two, one and two, passes(np.concatenate(drawn)))
            rates.append(counts / trials)
        shown = zip(np.median(rates, axis=0), np.max(rates, axis=0), strict=True)
        print(f"{means[0]:+.3f} {means[1]:+.3f}" + "".join(f"{a:9.2f} {b:.2f}" for a, b in shown))


def groups(folder: Path) -> None:
    """Print how far the variance of a mean difference is off where answers are shared.

    Once if the answers are drawn too (groups of queries with the same answers vary as a whole), and
    once if they are given (strata: the queries of each group vary around its own mean).
    """
    print("variance of the mean over that of independent queries: answers drawn, answers given")
    for task in tasks(folder):
        keys = [row.tobytes() for row in task.base.grades > 0]
        _, group, sizes = np.unique(keys, return_inverse=True, return_counts=True)
        queries, count = len(group), len(sizes)
        before, drawn, given = hard(task.base), [], []
        for found in task.candidates.values():
            change = hard(found) - before
            if not change.any():
                continue
            around = change - change.mean()
            alone = around.var(ddof=1) * queries
            sums = np.bincount(group, weights=around)
            drawn.append((sums**2).sum() * count / max(1, count - 1) / alone)
            within = around - (sums / sizes)[group]
            freedom = sizes / np.maximum(1, sizes - 1)
            given.append((within**2 * freedom[group]).sum() / alone)
        few = ", ".join(f"{np.median(each):.2f} to {max(each):.2f}" for each in (drawn, given))
        lonely = int((sizes == 1).sum())
        print(f"{task.name:40}{queries:5} queries, {count} groups ({lonely} of one query): {few}")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", choices=["agreement", "error", "strata", "choice", "pool", "groups"]
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*", metavar="SET", help="for pool: <stream>/<set>")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--share", type=float, default=SHARE, help="temperature of the soft metric")
    given = parser.parse_args()
    began = time.perf_counter()
    if given.part == "agreement":
        agreement(given.folder)
    elif given.part == "error":
        error(given.folder, given.trials, given.share)
    elif given.part == "strata":
        strata(given.folder)
    elif given.part == "groups":
        groups(given.folder)
    elif given.part == "pool":
        pool(given.folder, given.sets, given.trials)
    else:
        choice(given.folder, given.trials)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
