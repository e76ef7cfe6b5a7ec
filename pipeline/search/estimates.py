"""Means over queries with bounds that hold: shares, and losses of a labelled metric."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipeline.gate import Gate
from pipeline.gate.bounds import lower_bound, upper_bound
from pipeline.results import Estimate

_DRAWS = 5_000
"""Random draws per bound; the error they cause is about 4 % of the interval's half width."""


def share(values: NDArray[np.floating], gate: Gate) -> Estimate | None:
    """Return the mean of shares, each in [0, 1], with one-sided bounds.

    The bounds are Gaffke's, as the gate's are: exact for shares that are 0 or 1, with the one query
    that may be missing counted as 0 (below) or 1 (above). None without queries.

    Examples
    --------
    >>> kept = share(np.ones(100), Gate())
    >>> kept.mean, round(kept.low, 3), kept.high
    (1.0, 0.97, 1.0)
    """
    if not len(values):
        return None
    # Rounded, so that equal shares are equal numbers and share one draw.
    given = np.asarray(np.round(values, 6), dtype=np.float64)
    return Estimate(
        mean=float(given.mean()),
        low=1.0 + _bound(lower_bound, given - 1.0, gate, 1.0),
        high=_bound(upper_bound, given, gate, 1.0),
        queries=len(given),
    )


def loss(differences: NDArray[np.float64], gate: Gate) -> Estimate | None:
    """Return the mean of paired differences of a metric, with the gate's one-sided bounds.

    None without queries.

    Examples
    --------
    >>> loss(np.zeros(300), Gate()).low > -0.01
    True
    """
    if not len(differences):
        return None
    return Estimate(
        mean=float(differences.mean()),
        low=_bound(lower_bound, differences, gate, gate.worst_loss),
        high=_bound(upper_bound, differences, gate, gate.worst_loss),
        queries=len(differences),
    )


def _bound(
    bound: Callable[..., float], values: NDArray[np.float64], gate: Gate, worst_loss: float
) -> float:
    return bound(values, gate.confidence, worst_loss=worst_loss, seed=gate.seed, draws=_DRAWS)
