"""When something is tried again: intervals that people write, jitter, and growing pauses."""

import random
import re

from training.faults import DataFault

INTERVAL = r"^\d+(\.\d+)?[smhd]$"
"""A number and its unit, such as "90s", "15m", "6h" or "1d"."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(interval: str, name: str) -> float:
    """Return the seconds of an interval that a person wrote.

    Parameters
    ----------
    interval
        Such as "15m".
    name
        What it sets, for the message.

    Raises
    ------
    DataFault
        It has no such form, or is no time at all.

    Examples
    --------
    >>> seconds_of("15m", "watch.every"), seconds_of("0.5h", "watch.every")
    (900.0, 1800.0)
    """
    if re.fullmatch(INTERVAL, interval) and float(interval[:-1]) > 0:
        return float(interval[:-1]) * _UNITS[interval[-1]]
    raise DataFault(
        f"{name} is {interval!r}; allowed: a number above 0 and its unit, s, m, h or d, such as 15m"
    )


def spread_out(seconds: float, share: float, luck: random.Random) -> float:
    """Return a time that differs from the one given by up to a share of it, by chance.

    Many that begin at once then do not all come back at once.

    Examples
    --------
    >>> 90 <= spread_out(100, 0.1, random.Random(0)) <= 110
    True
    """
    return seconds * luck.uniform(1 - share, 1 + share)


def pause_after(failures: int, first: float, longest: float) -> float:
    """Return the pause after so many failures in a row: twice as long each time.

    Examples
    --------
    >>> [pause_after(failures, 60, 3600) for failures in (1, 2, 3, 99)]
    [60.0, 120.0, 240.0, 3600.0]
    """
    return float(min(longest, first * 2.0 ** min(failures - 1, 60)))


def shown(seconds: float) -> str:
    """Return a time as a person says it.

    Examples
    --------
    >>> shown(7.2), shown(900), shown(5400), shown(172800)
    ('7 s', '15 min', '1.5 h', '2 d')
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:.0f} s"
