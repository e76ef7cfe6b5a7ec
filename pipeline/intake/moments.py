"""Moments as files write them: dates, and numbers of seconds or smaller units."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

from pipeline.intake.bad_record import BadRecord, kind_of, shortened

_NUMBER = re.compile(r"-?\d{9,}(\.\d+)?|-?\d+\.\d+([eE]\+?\d+)?", re.ASCII)
_FIRST_DATE, _LAST_DATE = 19_000_101, 21_001_231
_LONGEST_SECONDS = 1e11
TIMESTAMP = "it must be ISO 8601 (2024-05-31T12:00:00Z) or seconds since 1970"
"""What is allowed, for messages."""


def seconds_of(value: object) -> float:
    """Return seconds since the epoch, nan for what is no moment a clock can show.

    Raises
    ------
    BadRecord
        It is no moment at all.

    Examples
    --------
    >>> seconds_of("2024-01-01"), seconds_of(1704067200000), seconds_of(20240101)
    (1704067200.0, 1704067200.0, 1704067200.0)
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        if isinstance(value, str):
            text = value.strip()
            if not _NUMBER.fullmatch(text):
                moment = datetime.fromisoformat(text.removesuffix(" UTC"))
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            value = float(text)
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return _of_number(float(value))
    except (ValueError, OverflowError):
        pass
    raise BadRecord(f"is {kind_of(value)} ({shortened(value)}); {TIMESTAMP}")


def _of_number(number: float) -> float:
    """Return a number as seconds: it may count smaller units, or be written as a date."""
    if _FIRST_DATE <= number <= _LAST_DATE and number.is_integer():
        with suppress(ValueError):
            return datetime.strptime(f"{number:.0f}", "%Y%m%d").replace(tzinfo=UTC).timestamp()
    for unit in (1e9, 1e6, 1e3):
        # From 1973 on, milliseconds are larger than the seconds of any date up to the year 5138.
        if _LONGEST_SECONDS * unit / 1e3 <= abs(number) < float("inf"):
            return number / unit
    return number


def seconds_at(now: datetime) -> float:
    """Return seconds since the epoch; a moment without a zone counts as UTC."""
    return (now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()
