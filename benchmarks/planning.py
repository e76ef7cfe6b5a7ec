"""How well the planner predicts how often the gate lets equally good candidates pass.

    python benchmarks/planning.py chances [--trials 400]
    python benchmarks/planning.py joint [--trials 100]
    python benchmarks/planning.py margins

`chances` draws comparisons of a candidate whose true difference is 0 and counts how often the
gate's own bound clears a margin. Beside it are the predictions of the planner and of the normal
approximation: once from the true spread, and as they are made in practice, from the spread of one
earlier candidate on equally many queries (mean of such predictions, and the range of four in five
of them). Populations are those of gate.py with the mean 0.

`joint` judges whole candidates by the gate on three anchor sets, one with slices, and compares the
rate with the product that the planner predicts.

`margins` prints the table of docs/how-to/plan-anchor-queries.md.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np
from gate import SIZES, Floats, population, small_gains_rare_losses

from pipeline.gate import Earlier, Gate, SetSize, outlook_of
from pipeline.gate.bounds import approximate_error, lower_bound
from pipeline.gate.chances import Expected, proposed_margin
from training.evaluation import Scorecard, TaskScores

GATE = Gate()
MARGINS = (0.01, 0.02, 0.03, 0.05)
DRAWS = 2_000
"""Random weights per bound; the gate takes ten times as many."""


def populations() -> Iterator[tuple[str, Floats, Floats]]:
    """Yield (name, values, shares) of populations of differences whose mean is 0."""
    yield "8 % of ranks move", *population(0.08, 0.7, 0.0)
    yield "20 % of ranks move", *population(0.2, 0.6, 0.0)
    yield "50 % of ranks move", *population(0.5, 0.5, 0.0)
    yield "small gains, rare losses", *small_gains_rare_losses(0.0)


def normal(queries: int, spread: float) -> Floats:
    """Return the chance at each margin by the normal approximation of `visible_drop`."""
    unseen, error = approximate_error(queries, spread, GATE.worst_loss)
    bell = NormalDist()
    at = bell.inv_cdf(GATE.confidence)
    return np.array([bell.cdf((margin - unseen) / error - at) for margin in MARGINS])


def planned(queries: int, spread: float) -> Floats:
    """Return the chance at each margin as the planner computes it."""
    made = Expected.of(spread, 0.0)
    low = made.bounds(queries, GATE.confidence, worst_loss=GATE.worst_loss, seed=GATE.seed)
    return np.array([(low > -margin).mean() for margin in MARGINS])


def measured(values: Floats, shares: Floats, queries: int, trials: int) -> Floats:
    """Return how often the gate's own bound clears each margin."""
    generator = np.random.default_rng([queries, trials])
    low = np.array(
        [
            lower_bound(
                generator.choice(values, queries, p=shares),
                GATE.confidence,
                worst_loss=GATE.worst_loss,
                seed=0,
                draws=DRAWS,
            )
            for _ in range(trials)
        ]
    )
    return np.array([(low > -margin).mean() for margin in MARGINS])


def chances(trials: int) -> None:
    """Print the measured rate and the predictions; then how far they are off."""
    head = ("planner", "normal", "planner, earlier", "normal, earlier")
    print(
        f"{'':26}{'queries':>8}{'margin':>8}{'gate':>7}" + "".join(f"{each:>20}" for each in head)
    )
    errors = []
    for name, values, likely in populations():
        shares = likely / likely.sum()
        spread = float(np.sqrt(shares @ values**2))
        print(f"{name}: spread {spread:.3f}, {1 - shares[np.abs(values) < 1e-9].sum():.0%} differ")
        for queries in SIZES:
            real = measured(values, shares, queries, trials)
            generator = np.random.default_rng(queries)
            spreads = [
                float(generator.choice(values, queries, p=shares).std(ddof=1)) for _ in range(100)
            ]
            ways = [
                np.array([planned(queries, spread)]),
                np.array([normal(queries, spread)]),
                np.array([planned(queries, each) for each in spreads]),
                np.array([normal(queries, each) for each in spreads]),
            ]
            for place, margin in enumerate(MARGINS):
                cells = [shown(way[:, place]) for way in ways]
                print(
                    f"{'':26}{queries:8}{margin:8.2f}{100 * real[place]:6.1f}%"
                    + "".join(f"{cell:>20}" for cell in cells),
                    flush=True,
                )
                errors.append([way[:, place].mean() - real[place] for way in ways])
    off = 100 * np.abs(np.array(errors))
    for place, name in enumerate(head):
        row = off[:, place]
        print(
            f"{name:20} off by {row.mean():.1f} points on average, by {np.quantile(row, 0.9):.1f} "
            f"or more in one of ten rows, by {row.max():.1f} at most"
        )


def shown(predictions: Floats) -> str:
    """Return a mean and, of several, the range of four in five."""
    told = f"{100 * predictions.mean():.1f}%"
    if len(predictions) > 1:
        low, high = 100 * np.quantile(predictions, [0.1, 0.9])
        told += f" ({low:.0f} to {high:.0f})"
    return told


def joint(trials: int) -> None:
    """Print how often whole candidates pass all anchor sets, and what the planner predicts."""
    # The spread of this population is the one that is assumed.
    sizes = (("anchor/a", 300, 0.2), ("anchor/b", 600, 0.2), ("anchor/c", 400, 0.2))
    sliced = {"language=x": (0, 200), "language=y": (200, 400), "language=z": (400, 600)}
    for slices in ({}, sliced):
        sets = [
            SetSize(name, queries, {key: b - a for key, (a, b) in slices.items()})
            if name == "anchor/b"
            else SetSize(name, queries)
            for name, queries, _ in sizes
        ]
        for margin in (0.02, 0.03, 0.04):
            print(f"{'with' if slices else 'without'} slices, margin {margin}: ", end="")
            print(*passes(sizes, slices, sets, margin, trials), flush=True)


def passes(
    sizes: Sequence[tuple[str, int, float]],
    slices: dict[str, tuple[int, int]],
    sets: Sequence[SetSize],
    margin: float,
    trials: int,
) -> tuple[str, str]:
    """Return the measured and the predicted rate of one margin as texts."""
    generator = np.random.default_rng(trials)
    passed = 0
    gate = Gate(max_drop=margin)
    for _ in range(trials):
        scores = {"new": (np.full(300, 0.5), np.full(300, 0.6))}
        for name, queries, moved in sizes:
            values, likely = population(moved, 0.6, 0.0)
            drawn = generator.choice(values, queries, p=likely / likely.sum())
            champion = np.where(drawn > 0, 0.0, 1.0)
            scores[name] = champion, np.clip(champion + drawn, 0.0, 1.0)
            if name == "anchor/b":
                for key, (start, end) in slices.items():
                    scores[f"{name}/{key}"] = tuple(each[start:end] for each in scores[name])
        cards = [
            Scorecard(
                str(side),
                {
                    task: TaskScores(
                        tuple(map(str, range(len(both[side])))),
                        {gate.metric: np.asarray(both[side])},
                        task,
                    )
                    for task, both in scores.items()
                },
            )
            for side in (0, 1)
        ]
        passed += gate.judge(*cards).promote
    expected = outlook_of(sets, gate, {}, Earlier(), held_out=200)
    told = f"planner {expected.anchors_chance:.0%}" if expected else ""
    return f"gate {passed / trials:.0%},", told


def margins() -> None:
    """Print the margin that four of five equally good candidates pass, by queries and spread."""
    spreads = (0.06, 0.10, 0.16, 0.25)
    print(f"{'queries':>8}", *(f"{spread:>7}" for spread in spreads))
    for queries in (30, 50, 75, 100, 150, 200, 300, 450, 1000):
        found = (proposed_margin(GATE, queries, spread=spread) for spread in spreads)
        print(f"{queries:8}", *(f"{margin:>7}" for margin in found))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("chances").add_argument("--trials", type=int, default=400)
    parts.add_parser("joint").add_argument("--trials", type=int, default=100)
    parts.add_parser("margins")
    given = parser.parse_args()
    began = time.perf_counter()
    if given.part == "chances":
        chances(given.trials)
    elif given.part == "joint":
        joint(given.trials)
    else:
        margins()
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
