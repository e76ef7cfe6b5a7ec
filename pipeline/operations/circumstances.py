"""The circumstances of an operation that its caller may leave out: who asks, and when."""

import getpass
from collections.abc import Callable
from datetime import UTC, datetime

from training.faults import DataFault

Clock = Callable[[], datetime]


def clock_of(now: datetime | Clock | None) -> Clock:
    """Return what tells the present: the system's clock, a fixed moment, or what was given."""
    if now is None:
        return lambda: datetime.now(UTC)
    if isinstance(now, datetime):
        if now.tzinfo is None:
            raise DataFault(f"now has no time zone, got {now}; such as datetime.now(UTC) is needed")
        return lambda: now
    return now


def person() -> str:
    """Return the login name of the user of this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"
