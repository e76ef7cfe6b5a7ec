"""Records from the future: refused until their time comes, then read again from their file."""

from datetime import UTC, datetime, timedelta

POSTPONED = "; it is read again from "
"""What the reasons of such refusals contain; the moment follows."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def until(seconds: float) -> str:
    """Return what a refusal says about the moment, in seconds since 1970, when it is over.

    Examples
    --------
    >>> until(1.7e9), until(1e18)
    ('; it is read again from 2023-11-14T22:13:20Z', '')
    """
    try:
        # Rounded up: at that moment it is allowed.
        moment = _EPOCH + timedelta(seconds=-(-seconds // 1))
    except (OverflowError, ValueError):
        return ""  # No clock will ever show it.
    return f"{POSTPONED}{moment:%Y-%m-%dT%H:%M:%SZ}"


def is_over(reason: str, now: float) -> bool:
    """Say whether such a refusal is over now, in seconds since 1970.

    Examples
    --------
    >>> reason = "timestamp 1.7e9 is in the future" + until(1.7e9)
    >>> is_over(reason, 1.6e9), is_over(reason, 1.7e9), is_over("text is empty", 1.7e9)
    (False, True, False)
    """
    _, found, moment = reason.rpartition(POSTPONED)
    return bool(found) and datetime.fromisoformat(moment).timestamp() <= now
