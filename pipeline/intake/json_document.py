"""A file that is one JSON document: a list of records, or an object that holds one."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from pydantic_core import from_json

from pipeline.intake.bad_record import BadRecord, kind_of, shortened
from pipeline.intake.tables import Row
from training.faults import DataFault

_LARGEST = 500_000_000
_LISTS = ("hits", "data", "spans", "traces", "records", "rows", "results")


def begins_with_a_line(stream: BinaryIO, max_line_bytes: int) -> bool:
    """Return whether the first line is a whole object, so that the file is JSON Lines."""
    first = stream.read(max_line_bytes).partition(b"\n")[0]
    stream.seek(0)
    try:
        return isinstance(from_json(first), dict)
    except ValueError:
        return False


def document_rows(stream: BinaryIO, size: int, label: str) -> Iterator[Row]:
    """Yield the records of a document, numbered from 1.

    Raises
    ------
    DataFault
        It is no JSON, or too large to be read whole.
    """
    if size > _LARGEST:
        raise DataFault(
            f"{label}: has {size} bytes and is one JSON document; at most {_LARGEST} can be read, "
            "write it as JSON Lines"
        )
    try:
        found = from_json(stream.read(size))
    except ValueError as fault:
        raise DataFault(
            f"{label}: not JSON: {str(fault)[:200]}; it must be one document, or JSON Lines"
        ) from None
    for number, record in enumerate(_records(found), 1):
        if isinstance(record, dict):
            yield Row(number, record)
        else:
            bad = BadRecord(f"is {kind_of(record)} ({shortened(record)}); it must be an object")
            yield Row(number, bad)


def _records(found: object) -> list[object]:
    """Return the list in a document: itself, or what an answer or an export calls it."""
    if isinstance(found, list):
        return found
    if isinstance(found, Mapping) and not any(name in found for name in ("query", "user_query")):
        for name in _LISTS:
            if isinstance(inner := found.get(name), list | Mapping):
                return _records(inner)
    return [found]
