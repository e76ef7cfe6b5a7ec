"""Confidence bounds for the mean of paired differences per query, and what they can detect."""

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DRAWS = 20_000
"""Random draws per bound; the error they cause is about 2 % of the interval's half width."""

_PLANNING_DRAWS = 4_000
MOST_QUERIES = 1_000_000
"""Queries beyond which a number counts as out of reach."""
POWER = 0.8
"""Chance of a truly equal candidate to pass, at which an evaluation set counts as large enough."""
_NUMBERS_AT_ONCE = 4_000_000


def lower_bound(
    differences: NDArray[np.float64],
    confidence: float,
    *,
    worst_loss: float,
    seed: int,
    draws: int = DRAWS,
    queries: int | None = None,
) -> float:
    """Bound the mean of bounded differences from below, one-sided, also when most are zero.

    The bound is Gaffke's: the queries seen, and one unseen query that loses `worst_loss` (or as
    much as the worst query seen, if that is more), get random weights that sum to one (uniform on
    the simplex); the bound is the ``1 - confidence`` quantile of the weighted mean. For outcomes
    that are 0 or the worst it is the exact binomial bound of Clopper and Pearson, and when all
    differences are 0 it is ``-worst_loss * (1 - (1 - confidence) ** (1 / n))``, the rule of three:
    thirty queries without a loss do not prove that no query loses. ``worst_loss = 1`` assumes
    nothing beyond metrics that lie in [0, 1].

    Parameters
    ----------
    differences
        Candidate minus champion, one entry per query, in the metric's units; not empty, finite.
    confidence
        One-sided, in (0, 1).
    worst_loss
        Loss of the one query assumed unseen, in the metric's units.
    seed
        The same seed gives the same bound.
    draws
        Number of random weightings.
    queries
        Bound that as many queries with the same differences in the same shares would give; the
        number seen where it is None. For planning.

    Notes
    -----
    Gaffke, "Three test statistics for a nonparametric one-sided hypothesis on the mean of a
    nonnegative variable" (Mathematical Methods of Statistics 14, 2005); Phan, Thomas and
    Learned-Miller, "Towards practical mean bounds for small samples" (ICML 2021). With the true
    worst loss it is exact for two-point outcomes; that it holds for all others is a conjecture
    without a known counterexample. ``benchmarks/gate.py`` measures it beside t and bootstraps.

    Examples
    --------
    >>> identical = np.zeros(300)
    >>> print(f"{lower_bound(identical, 0.95, worst_loss=0.5, seed=0):.3f}")
    -0.005
    """
    values, counts = np.unique(differences, return_counts=True)
    scale = 1.0 if queries is None else queries / len(differences)
    atoms = np.append(values, min(-worst_loss, float(values[0])))
    shapes = np.append(counts * scale, 1.0)
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    step = max(1, _NUMBERS_AT_ONCE // len(atoms))
    for start in range(0, draws, step):
        # Gamma draws divided by their sum are uniform (Dirichlet) weights; equal differences share
        # one draw whose shape is their number.
        weights = generator.standard_gamma(shapes, (min(step, draws - start), len(atoms)))
        means[start : start + step] = weights @ atoms / weights.sum(axis=1)
    return float(np.quantile(means, 1.0 - confidence))


def upper_bound(
    differences: NDArray[np.float64],
    confidence: float,
    *,
    worst_loss: float,
    seed: int,
    draws: int = DRAWS,
) -> float:
    """Bound the mean of bounded differences from above: the mirror image of the lower bound.

    Examples
    --------
    >>> print(f"{upper_bound(np.zeros(300), 0.95, worst_loss=0.5, seed=0):.3f}")
    0.005
    """
    return -lower_bound(-differences, confidence, worst_loss=worst_loss, seed=seed, draws=draws)


def queries_to_clear(
    differences: NDArray[np.float64],
    threshold: float,
    confidence: float,
    *,
    worst_loss: float,
    seed: int,
) -> int | None:
    """Return how many queries with such differences would lift the lower bound over a threshold.

    None where the mean is itself at or below the threshold, so that no number would be enough, or
    where it would take more than a million.

    Examples
    --------
    >>> queries_to_clear(np.zeros(30), -0.02, 0.95, worst_loss=0.5, seed=0) in range(70, 80)
    True
    >>> queries_to_clear(np.full(30, -0.1), -0.02, 0.95, worst_loss=0.5, seed=0) is None
    True
    """
    if not differences.mean() > threshold:
        return None

    def clears(queries: int) -> bool:
        low = lower_bound(
            differences,
            confidence,
            worst_loss=worst_loss,
            seed=seed,
            draws=_PLANNING_DRAWS,
            queries=queries,
        )
        return low > threshold

    return fewest(clears, above=len(differences))


def queries_to_see(
    drop: float, spread: float, confidence: float, *, worst_loss: float, power: float = POWER
) -> int | None:
    """Return the size from which an evaluation set detects a drop; None beyond a million queries.

    The parameters and the approximation are those of `visible_drop`.

    Examples
    --------
    >>> queries_to_see(0.02, 0.16, 0.95, worst_loss=0.5) in range(440, 460)
    True
    """

    def detects(queries: int) -> bool:
        smallest = visible_drop(queries, spread, confidence, worst_loss=worst_loss, power=power)
        return smallest <= drop

    return fewest(detects, exact=True)


def visible_drop(
    queries: int, spread: float, confidence: float, *, worst_loss: float, power: float = POWER
) -> float:
    """Return the smallest margin that an evaluation set lets an equal candidate pass.

    A candidate that is truly as good as the champion passes "no worse than this" with probability
    `power`; smaller drops cannot be told from none. Normal approximation to the bound of
    `lower_bound`, its unseen query included.

    Parameters
    ----------
    queries
        Size of the evaluation set.
    spread
        Standard deviation of the paired differences, as an earlier comparison measured it, in the
        metric's units.
    confidence
        One-sided, in (0, 1).
    worst_loss
        As in `lower_bound`.
    power
        Wanted probability of passing, in (0, 1).

    Examples
    --------
    >>> print(f"{visible_drop(300, 0.14, 0.95, worst_loss=0.5):.3f}")
    0.022
    """
    unseen, error = approximate_error(queries, spread, worst_loss)
    quantile = NormalDist().inv_cdf
    return float((quantile(confidence) + quantile(power)) * error + unseen)


def approximate_error(queries: int, spread: float, worst_loss: float) -> tuple[float, float]:
    """Return by how much the unseen query of `lower_bound` lowers the mean, and its standard error.

    Parameters
    ----------
    queries, spread, worst_loss
        As in `visible_drop`.
    """
    unseen = worst_loss / (queries + 1)
    return unseen, math.sqrt((spread**2 + worst_loss * unseen) / (queries + 1))


def fewest(enough: Callable[[int], bool], *, above: int = 1, exact: bool = False) -> int | None:
    """Return the smallest number of queries that is enough; None beyond `MOST_QUERIES`.

    Parameters
    ----------
    enough
        Whether so many queries are enough; if some are, more are too.
    above
        A number that is not enough.
    exact
        Whether the result is exact; otherwise it is at most a hundredth too large.
    """
    few, many = above, 2 * above
    while not enough(many):
        few, many = many, 2 * many
        if many > MOST_QUERIES:
            return None
    while many - few > (1 if exact else max(1, many // 100)):
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many
