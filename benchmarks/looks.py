"""What a second look with a gentler blend would bring after an inconclusive verdict, and its error.

    python benchmarks/looks.py [--trials 400]    # docs/measurements/gate.md

Differences per query are those of gate.py (a fifth of the ranks move). The candidate is judged
first; if it does not pass, a blend that keeps each of its moves with a probability is judged on the
same queries. The two looks share an error of 5 % (Bonferroni), or do not pay for it. A promotion is
false if what is promoted is truly worse by the margin, or gains nothing. In the rows of the error,
all other conditions pass: it is the error of the one condition at its margin.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from gate import MARGIN, Floats, population
from numpy.typing import NDArray

from pipeline.gate.bounds import lower_bound

SPLITS = ((0.05, 0.0), (0.04, 0.01), (0.025, 0.025), (0.01, 0.04), (0.05, 0.05))
LEVELS = (0.01, 0.025, 0.04, 0.05)
HELD_OUT = (100, 177)
ANCHORS = (80, 150, 300)
KEPT = 0.6
"""Share of the moves that the gentler blend keeps, where nothing else is said."""
MOVED = 0.2


def drawn(
    mean: float, queries: int, trials: int, seed: int, kept: float = KEPT
) -> tuple[Floats, Floats]:
    """Return the gate's lower bounds of both looks, each (trials, levels), on the same queries.

    With `kept` = 1, the second look is as good or bad as the first one, and half of its moves are
    its own.
    """
    values, likely = population(MOVED, 0.6, mean)
    likely = likely / likely.sum()
    generator = np.random.default_rng([seed, queries])
    first, second = np.empty((trials, len(LEVELS))), np.empty((trials, len(LEVELS)))
    for trial in range(trials):
        one = generator.choice(values, size=queries, p=likely)
        if kept < 1.0:
            two = one * (generator.random(queries) < kept)
        else:
            own = generator.choice(values, size=queries, p=likely)
            two = np.where(generator.random(queries) < 0.5, one, own)
        for found, differences in ((first, one), (second, two)):
            found[trial] = [
                lower_bound(differences, 1.0 - level, worst_loss=0.5, seed=trial, draws=500)
                for level in LEVELS
            ]
    return first, second


def passes(bounds: Floats, level: float, required: float) -> NDArray[np.bool_]:
    """Say in which trials the bound at a level exceeds what is required."""
    if not level:
        return np.zeros(len(bounds), dtype=bool)
    return np.asarray(bounds[:, LEVELS.index(level)] > required)


def power(trials: int) -> Iterator[str]:
    """Yield how often a candidate that gains 0.05 is promoted by either look."""
    for loss in (0.0, -0.01):
        for held_out in HELD_OUT:
            new = drawn(0.05, held_out, trials, 1)
            for anchors in ANCHORS:
                old = drawn(loss, anchors, trials, 2)
                told = f"gain 0.05, old {loss:+.2f}; {held_out} and {anchors} queries"
                row = []
                for one, two in SPLITS:
                    first = passes(new[0], one, 0.0) & passes(old[0], one, -MARGIN)
                    second = passes(new[1], two, 0.0) & passes(old[1], two, -MARGIN)
                    gained = first.mean() + KEPT * (~first & second).mean()
                    row.append(f"{first.mean():.2f} {(first | second).mean():.2f} {gained:.2f}")
                yield f"{told:46}" + "".join(f"{cell:>18}" for cell in row)


def error(trials: int) -> Iterator[str]:
    """Yield how often something false is promoted."""
    cases = (
        ("old: the candidate is at the margin", -MARGIN, -MARGIN, KEPT, (True, False)),
        ("old: the blend is, the candidate is worse", -MARGIN / KEPT, -MARGIN, KEPT, (True, True)),
        ("old: both are, half of the moves shared", -MARGIN, -MARGIN, 1.0, (True, True)),
        ("new: neither gains", 0.0, 0.0, KEPT, (True, True)),
        ("new: neither gains, half shared", 0.0, 0.0, 1.0, (True, True)),
    )
    for name, mean, required, kept, counted in cases:
        for queries in ANCHORS:
            bounds = drawn(mean, queries, trials, 3, kept)
            row = []
            for one, two in SPLITS:
                first, second = passes(bounds[0], one, required), passes(bounds[1], two, required)
                false = (first & counted[0]) | (~first & second & counted[1])
                row.append(f"{false.mean():.3f}")
            yield f"{f'{name}; {queries}':46}" + "".join(f"{cell:>18}" for cell in row)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=400)
    trials = parser.parse_args().trials
    heads = "".join(f"{f'{one:g} + {two:g}':>18}" for one, two in SPLITS)
    print(f"{'first, either, gain of either (1: its own)':46}{heads}")
    for line in power(trials):
        print(line, flush=True)
    print(f"\n{'error of the two looks':46}{heads}")
    for line in error(trials):
        print(line, flush=True)


if __name__ == "__main__":
    main()
