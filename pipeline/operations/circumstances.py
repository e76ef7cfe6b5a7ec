"""What the caller of an operation may leave out: who asks, when, and paths."""

import getpass
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from training.faults import DataFault

Clock = Callable[[], datetime]
Folder = str | os.PathLike[str]


def path_of(given: Folder | None) -> Path | None:
    """Return a path that may be left out."""
    return None if given is None else Path(given)


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
