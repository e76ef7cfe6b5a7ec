"""Rows on their way into tables: named by content, numbered, in parts that one statement holds."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, insert, select, update

from pipeline.store.tables import counters, quarantine

_CHUNK = 2_000
"""Rows per statement: below every engine's limit of parameters."""
_Item = TypeVar("_Item")


def digest_of(*parts: str) -> str:
    """Return what names these texts by content."""
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    content = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def plain(text: str) -> str:
    """Return a text that every engine stores."""
    return text.replace("\0", " ").encode("utf-8", "backslashreplace").decode("utf-8")


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield the items in parts that one statement can name."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def next_numbers(connection: Connection, counter: str, size: int) -> int:
    """Take a block of numbers and return its first."""
    last = connection.scalar(
        update(counters)
        .where(counters.c.name == counter)
        .values(value=counters.c.value + size)
        .returning(counters.c.value)
    )
    return int(last or 0) - size + 1


def held_digests(connection: Connection, table: Table, digests: Sequence[str]) -> set[str]:
    """Return those of the digests that rows of the table have already."""
    if not digests:
        return set()
    found = select(table.c.digest).where(table.c.digest.in_(digests))
    return {str(digest) for digest in connection.scalars(found)}


def insert_numbered(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert the rows under the next numbers of the sequence, or of the quarantine."""
    if not rows:
        return
    column, counter = ("number", "quarantine") if table is quarantine else ("sequence", "sequence")
    first = next_numbers(connection, counter, len(rows))
    for number, row in enumerate(rows, start=first):
        row[column] = number
    connection.execute(insert(table), rows)
