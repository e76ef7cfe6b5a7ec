"""A point in time as results hold it and print it: to the second, with its offset."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


Moment = Annotated[datetime, PlainSerializer(_text, return_type=str, when_used="json")]
"""A datetime that prints as "2026-03-01T12:00:00+00:00"."""
