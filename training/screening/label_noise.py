"""Label noise: the share of pairs whose positive has nothing to do with the query."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_WORSE = 0.5
"""Rank of a pair without a relation, on average; the lambda of Storey's estimate."""
_BLIND = 0.4
"""Share of trusted pairs in the worse half from which the champion tells right from wrong no
better than chance."""


@dataclass(frozen=True)
class NoiseEstimate:
    """An estimated share of wrong pairs, with one-sided bounds of 95 %."""

    pairs: int
    """Pairs that it was estimated from."""
    share: float
    low: float
    high: float


def estimate_noise(
    ranks: NDArray[np.float64], trusted: Sequence[float] = (), confidence: float = 0.95
) -> NoiseEstimate | None:
    """Return the estimated share of wrong pairs; None where the champion cannot tell.

    Of pairs without a relation the rank of the positive among random positives is uniform, so that
    half of them are in the worse half (Storey, "A direct approach to false discovery rates", J. R.
    Stat. Soc. B 64, 2002, with lambda = 1/2). Of right pairs some are too: as many as of trusted
    pairs. What the new pairs have beyond that, divided by what wrong ones would have, is the share.
    Each of the two shares has a Wilson interval; the bounds take the worse end of both. Right pairs
    that are harder for the champion than the trusted ones count as wrong.

    Parameters
    ----------
    ranks
        Ranks of the pairs, as `ranks` returns them.
    trusted
        Ranks of pairs whose labels are trusted; without them, right pairs are assumed to have none
        in the worse half.
    confidence
        Confidence of each bound.

    Examples
    --------
    >>> right, wrong = [0.01] * 80, [0.1, 0.3, 0.6, 0.9] * 5
    >>> found = estimate_noise(np.array(right + wrong))
    >>> found.share, round(found.low, 2), round(found.high, 2)
    (0.2, 0.12, 0.32)
    """
    worse = int((ranks > _WORSE).sum())
    known = np.asarray(trusted) > _WORSE
    base = float(known.mean()) if known.size else 0.0
    if base >= _BLIND:
        return None
    lowest, highest = _wilson(worse, len(ranks), confidence)
    lower, upper = _wilson(int(known.sum()), known.size, confidence) if known.size else (0.0, 0.0)
    shares = (
        _beyond(worse / len(ranks), base),
        _beyond(lowest, min(upper, _BLIND)),
        _beyond(highest, lower),
    )
    share, low, high = (min(1.0, max(0.0, each)) for each in shares)
    return NoiseEstimate(len(ranks), share, low, high)


def _beyond(worse: float, base: float) -> float:
    return (worse - base) / (_WORSE - base)


def _wilson(count: int, size: int, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(confidence)
    middle = (count + z * z / 2) / (size + z * z)
    half = z * math.sqrt(count * (size - count) / size + z * z / 4) / (size + z * z)
    return middle - half, middle + half
