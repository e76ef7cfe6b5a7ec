"""Records from the future: refused until their time comes, then read again from their file."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pipeline.intake.bad_record import shortened
from pipeline.store import Fault

POSTPONED = "; it is read again from "
"""What the reasons of such refusals contain; the moment follows."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def too_early(value: object, seconds: float, future_hours: float) -> str:
    """Return why a record is refused, and from when on it no longer is, if a clock can show that.

    Parameters
    ----------
    value
        The timestamp as it is written.
    seconds
        The same in seconds since 1970.
    future_hours
        How far it may lie ahead of the clock.
    """
    reason = (
        f"{shortened(value)} is in the future; it may be at most {future_hours:g} hours ahead of "
        "the clock"
    )
    try:
        # Rounded up: at that moment it is allowed.
        moment = _EPOCH + timedelta(seconds=-(-(seconds - future_hours * 3600.0) // 1))
    except (OverflowError, ValueError):
        return reason  # No clock will ever show it.
    return f"{reason}{POSTPONED}{moment:%Y-%m-%dT%H:%M:%SZ}"


def is_over(reason: str, now: float) -> bool:
    """Say whether such a refusal is over now, in seconds since 1970.

    Examples
    --------
    >>> reason = too_early(1700086400, 1700086400.0, 24.0)
    >>> reason.rpartition("; ")[2]
    'it is read again from 2023-11-14T22:13:20Z'
    >>> is_over(reason, 1.6e9), is_over(reason, 1.7e9), is_over("text is empty", 1.7e9)
    (False, True, False)
    """
    _, found, moment = reason.rpartition(POSTPONED)
    return bool(found) and datetime.fromisoformat(moment).timestamp() <= now


def over_lines(refused: Iterable[Fault], now: float) -> set[int]:
    """Return the lines whose refusals are over now, in seconds since 1970."""
    return {each.line for each in refused if is_over(each.reason, now)}
