"""The result of `anchorhold erase`: how much went, where from, and what is left to do."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from pipeline.results.moment import Moment
from pipeline.results.result import Result


class InputPlace(Result):
    """A line of the user's own files that holds an erased record; line 0 is the file as a whole.

    Attributes
    ----------
    kind
        "pair", "traffic", "document", "served" or "anchor".
    file, line
        Where it is.
    """

    kind: str
    file: str
    line: int


class EraseResult(Result):
    """What an erasure removed, or would remove; never what it was.

    Attributes
    ----------
    number
        Its number in the log; None where it was only asked for (`--dry-run`).
    kind
        Whether an id, a source or a part of a text was named.
    reason, who, at
        What the log keeps.
    dry_run
        Whether nothing was removed.
    records
        Stored and refused records.
    removed
        How many things went, by place.
    versions
        Versions whose memory, reference, learned anchors or scores changed.
    trained
        Versions that may have been trained on one of the records: their weights cannot be edited.
    remembers
        What that means and what can be done; empty where there are none.
    inputs
        Lines of the user's own files that hold the records; they are not changed.
    more_inputs
        How many more lines there are than are named.
    left
        What could not be erased from here.
    """

    number: int | None
    kind: Literal["id", "source", "text"]
    reason: str
    who: str
    at: Moment
    dry_run: bool
    records: int
    removed: dict[str, int] = Field(default_factory=dict)
    versions: tuple[int, ...] = ()
    trained: tuple[int, ...] = ()
    remembers: str = ""
    inputs: tuple[InputPlace, ...] = ()
    more_inputs: int = 0
    left: tuple[str, ...] = ()


def erased_sentence(records: int, at: datetime) -> str:
    """Say that records were erased, and when.

    Examples
    --------
    >>> erased_sentence(1, datetime(2026, 3, 1)), erased_sentence(3, datetime(2026, 3, 1))
    ('1 record erased on 2026-03-01', '3 records erased on 2026-03-01')
    """
    return f"{records} record{'' if records == 1 else 's'} erased on {at:%Y-%m-%d}"
