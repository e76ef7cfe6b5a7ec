"""Bounds of a mean that hold at every check, however often and whenever one checks."""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_STAKES = np.array([0.5**power for power in range(1, 11)])
"""Shares of the largest safe stake that are bet side by side: for gross harm and for slight."""
_HALVINGS = 24
_NUMBERS_AT_ONCE = 4_000_000


def shows_more(values: Values, lowest: Values | float, mean: float, alpha: float) -> bool:
    """Say whether the values show that their mean exceeds a number.

    Somebody who believes it bets on each next value. Where the mean of every next value, given all
    before, is at most the number, the wealth that the bets make is a nonnegative supermartingale
    that begins at 1; it reaches ``1 / alpha`` at any time with a probability of at most `alpha`
    (Ville's inequality). So one may check after every value and stop at will.

    Parameters
    ----------
    values
        In the order of their arrival.
    lowest
        What each can be at least, known before it arrives; below `mean`.
    mean
        The number.
    alpha
        Error of one-sided evidence, over all checks together.

    Notes
    -----
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (Journal of
    the Royal Statistical Society B 86, 2024). The stake is not tuned: ten fixed stakes are mixed,
    which costs at most a factor of 10 of the wealth against the best of them.

    Examples
    --------
    >>> heads = np.array([1.0, 1.0, 0.0, 1.0] * 25)
    >>> shows_more(heads, 0.0, 0.5, alpha=0.05), shows_more(heads, 0.0, 0.7, alpha=0.05)
    (True, False)
    """
    return keys_until_shown(values, lowest, mean, alpha) is not None


def keys_until_shown(
    values: Values, lowest: Values | float, mean: float, alpha: float
) -> int | None:
    """Return after how many values they show it, as `shows_more` says; None: not yet.

    Examples
    --------
    >>> keys_until_shown(np.ones(50), 0.0, 0.5, alpha=0.05)
    13
    """
    floor = np.broadcast_to(np.asarray(lowest, dtype=np.float64), values.shape)
    wealth = np.zeros((1, len(_STAKES)))
    step = max(1, _NUMBERS_AT_ONCE // len(_STAKES))
    for start in range(0, len(values), step):
        here, low = values[start : start + step], floor[start : start + step]
        odds = (here - low) / (mean - low) - 1.0
        grown = wealth[-1:] + np.cumsum(np.log1p(np.outer(odds, _STAKES)), axis=0)
        best = grown.max(axis=1, keepdims=True)
        mixed = best[:, 0] + np.log(np.exp(grown - best).mean(axis=1))
        reached = np.flatnonzero(mixed >= -math.log(alpha))
        if len(reached):
            return start + int(reached[0]) + 1
        wealth = grown
    return None


def lower_mean(
    values: Values, lowest: Values | float, alpha: float, within: tuple[float, float]
) -> float:
    """Bound the mean from below: the largest number that `shows_more` says it exceeds.

    Numbers that are left out once stay left out.

    Parameters
    ----------
    values, lowest, alpha
        As for `shows_more`.
    within
        What the mean can be; its lower end is the bound of no values.

    Examples
    --------
    >>> heads = np.array([1.0, 1.0, 0.0, 1.0] * 25)
    >>> print(f"{lower_mean(heads, 0.0, 0.05, (0.0, 1.0)):.2f}")
    0.60
    """
    low, high = within
    if not len(values):
        return low
    # Each number below one that is left out is left out too.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if shows_more(values, lowest, middle, alpha):
            low = middle
        else:
            high = middle
    return low if low > within[0] else within[0]


def upper_mean(
    values: Values, highest: Values | float, alpha: float, within: tuple[float, float]
) -> float:
    """Bound the mean from above; see `lower_mean`."""
    low, high = within
    return -lower_mean(-values, -np.asarray(highest), alpha, (-high, -low))
