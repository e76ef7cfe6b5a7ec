"""The chance that a candidate passes: the gate's bound on queries that nobody has asked yet."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.gate.bounds import POWER, fewest

SAMPLES = 4_000
"""Imagined comparisons; the chance that they give is off by 0.8 points at most (one sigma)."""

_STEP = 1 - 1 / math.log2(3)
"""What nDCG loses if the only relevant document falls from the first place to the second."""

_ROUNDING = 1e-12
_MARGIN_STEPS = 200
"""Proposed margins are multiples of 1/200 = 0.005."""


class Rules(Protocol):
    """What a chance depends on beside the data: settings of the gate."""

    @property
    def confidence(self) -> float:
        """Confidence of each one-sided bound."""

    @property
    def worst_loss(self) -> float:
        """Loss of the one query assumed unseen."""

    @property
    def minimum_queries(self) -> int:
        """Queries that a task needs before a candidate can pass on it."""

    @property
    def seed(self) -> int:
        """Seed of random numbers."""


@dataclass(frozen=True)
class Expected:
    """What the differences of a candidate to come are expected to be, per query.

    Most queries do not move, and the others gain or lose one size: the first place against the
    second, or as much as spread and mean require. Only the mean and the spread are known of a past
    comparison; ``benchmarks/planning.py`` shows that they are enough.

    Attributes
    ----------
    values
        (3,): the gain and the loss of a query that moves, and 0.
    shares
        (3,): how many of the queries do so.

    Examples
    --------
    >>> made = Expected.of(spread=0.16, mean=0.0)
    >>> print(f"{made.values[0]:.3f} {made.shares[0]:.3f} {made.shares[2]:.3f}")
    0.369 0.094 0.812
    """

    values: NDArray[np.float64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, spread: float, mean: float) -> "Expected":
        """Return differences with this standard deviation and mean, in the metric's units."""
        square = spread**2 + mean**2
        size = max(_STEP, math.sqrt(square))
        if abs(mean) > _ROUNDING:
            # All that move gain: a smaller spread than this size allows needs smaller steps.
            size = min(size, square / abs(mean))
        moved = square / size**2
        tilt = mean / size
        shares = np.array([(moved + tilt) / 2, (moved - tilt) / 2, 1.0 - moved])
        return cls(np.array([size, -size, 0.0]), np.clip(shares, 0.0, 1.0))

    def bounds(
        self, queries: int, confidence: float, *, worst_loss: float, seed: int
    ) -> NDArray[np.float64]:
        """Return the gate's lower bound in each of many imagined comparisons.

        Parameters
        ----------
        queries
            Size of the evaluation set.
        confidence, worst_loss
            As in `lower_bound`.
        seed
            Seed of the comparisons.

        Returns
        -------
        (SAMPLES,) array, in the metric's units
        """
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(queries, self.shares / self.shares.sum(), SAMPLES)
        return bounds_of_counts(counts, self.values, confidence, worst_loss=worst_loss)


def bounds_of_counts(
    counts: NDArray[np.int64],
    values: NDArray[np.float64],
    confidence: float,
    *,
    worst_loss: float,
) -> NDArray[np.float64]:
    """Return the gate's lower bound of many samples at once, without random weights.

    The bound is a quantile of a mean with Dirichlet weights (see `lower_bound`), whose first four
    moments are known; the quantile follows from these by the expansion of Cornish and Fisher.

    Parameters
    ----------
    counts
        (samples, values): how often each value was seen.
    values
        (values,): the differences, in the metric's units.
    confidence, worst_loss
        As in `lower_bound`.

    Returns
    -------
    (samples,) array, in the metric's units

    Notes
    -----
    Cornish and Fisher, "Moments and cumulants in the specification of distributions" (1938).

    Examples
    --------
    >>> alike = bounds_of_counts(np.array([[300]]), np.zeros(1), 0.95, worst_loss=0.5)
    >>> print(f"{alike[0]:.3f}")
    -0.005
    """
    lowest = np.where(counts > 0, values, np.inf).min(axis=1)
    unseen = np.minimum(-worst_loss, lowest)
    weight = counts.sum(axis=1) + 1.0
    first, second, third, fourth = (
        (counts @ values**power + unseen**power) / weight for power in (1, 2, 3, 4)
    )
    variance = second - first**2
    skewed = third - 3 * first * second + 2 * first**3
    tailed = fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4
    # Moments of the weighted mean around its expectation, from those of the values.
    square = variance / (weight + 1)
    cube = 2 * skewed / ((weight + 1) * (weight + 2))
    biquadrate = (6 * tailed + 3 * weight * variance**2) / (
        (weight + 1) * (weight + 2) * (weight + 3)
    )
    skew, excess = cube / square**1.5, biquadrate / square**2 - 3.0
    at = NormalDist().inv_cdf(1.0 - confidence)
    shift = (at**2 - 1) * skew / 6 + (at**3 - 3 * at) * excess / 24
    quantile = at + shift - (2 * at**3 - 5 * at) * skew**2 / 36
    found: NDArray[np.float64] = first + np.sqrt(square) * quantile
    return found


def chance_to_pass(
    rules: Rules, queries: int, threshold: float, *, spread: float, mean: float = 0.0
) -> float:
    """Return the probability that the lower bound of a candidate to come exceeds a threshold.

    Parameters
    ----------
    rules
        Settings of the gate.
    queries
        Size of the evaluation set.
    threshold
        What the lower bound must exceed, in the metric's units: -0.02 for a margin of 0.02.
    spread, mean
        Standard deviation and true mean of the differences per query, in the metric's units.

    Examples
    --------
    >>> from pipeline.gate.gate import Gate
    >>> print(f"{chance_to_pass(Gate(), 300, -0.02, spread=0.16):.1f}")
    0.6
    >>> chance_to_pass(Gate(), 20, -0.5, spread=0.16)
    0.0
    """
    if queries < rules.minimum_queries:
        return 0.0
    return float((_bounds(rules, queries, spread, mean) > threshold).mean())


def proposed_margin(
    rules: Rules, queries: int, *, spread: float, mean: float = 0.0, power: float = POWER
) -> float | None:
    """Return the smallest plain margin at which a candidate passes with probability `power`.

    None where none below 1 would do. The other parameters are those of `chance_to_pass`.

    Examples
    --------
    >>> from pipeline.gate.gate import Gate
    >>> proposed_margin(Gate(), 300, spread=0.14)
    0.025
    """
    if queries < rules.minimum_queries:
        return None
    reached = float(np.quantile(_bounds(rules, queries, spread, mean), 1.0 - power))
    margin = max(1, math.floor(-reached * _MARGIN_STEPS) + 1) / _MARGIN_STEPS
    return margin if margin < 1.0 else None


def proposed_queries(
    rules: Rules, threshold: float, *, spread: float, mean: float = 0.0, power: float = POWER
) -> int | None:
    """Return the smallest plain number of queries that lets a candidate pass with this power.

    None where the mean itself is not above the threshold, or where it would take more than a
    million. The other parameters are those of `chance_to_pass`.

    Examples
    --------
    >>> from pipeline.gate.gate import Gate
    >>> proposed_queries(Gate(), -0.02, spread=0.16) in range(430, 470)
    True
    >>> proposed_queries(Gate(), 0.0, spread=0.16) is None
    True
    """
    if mean <= threshold:
        return None
    found = fewest(
        lambda queries: chance_to_pass(rules, queries, threshold, spread=spread, mean=mean) >= power
    )
    return None if found is None else _plain(found)


def _bounds(rules: Rules, queries: int, spread: float, mean: float) -> NDArray[np.float64]:
    return Expected.of(spread, mean).bounds(
        queries, rules.confidence, worst_loss=rules.worst_loss, seed=rules.seed
    )


def _plain(queries: int) -> int:
    """Round up to two digits, or to tens below 100.

    Examples
    --------
    >>> _plain(73), _plain(452), _plain(12_345)
    (80, 460, 13000)
    """
    step = int(10 ** max(1, len(str(queries)) - 2))
    return -(-queries // step) * step
