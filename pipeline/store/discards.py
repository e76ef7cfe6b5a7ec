"""The tables of discards: which records are out of learning and looks, by whom, when and why.

A discard marks records and never deletes them. The log only grows; the marks are what it adds up
to, so that a record that two discards cover stays out until both are undone.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from pipeline.store.arrivals import next_numbers
from pipeline.store.cycles import as_moment, as_text
from pipeline.store.tables import discarded, discards, pairs, traffic

Named = Literal["cycle", "source", "file", "id"]
"""What a discard names: the pairs new to a cycle, all records of a source or a file, or a pair."""


@dataclass(frozen=True)
class Selection:
    """The stored records that a discard is about.

    Attributes
    ----------
    kind, name
        As the person named them.
    after, until
        Sequence numbers between which a cycle's pairs lie; without meaning for the others.
    """

    kind: Named
    name: str
    after: int = 0
    until: int = 0

    def of(self, table: Table) -> ColumnElement[bool]:
        """Return the condition that a row of pairs or traffic meets."""
        if self.kind == "cycle":
            within = (table.c.sequence > self.after) & (table.c.sequence <= self.until)
            return within & (table.c.role == "recent") & literal(table is pairs)
        if self.kind == "id" and table is not pairs:
            return literal(False)
        return table.c[self.kind] == self.name


@dataclass(frozen=True)
class Discard:
    """One entry of the log: how many records it marked, or took the mark from."""

    number: int
    action: Literal["discard", "undo"]
    kind: Named
    name: str
    reason: str
    who: str
    at: datetime
    pairs: int
    traffic: int


def kept(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of pairs or traffic is not discarded."""
    return table.c.sequence.not_in(select(discarded.c.sequence))


def mark(
    connection: Connection, selection: Selection, reason: str, who: str, at: datetime
) -> Discard:
    """Mark the selected records; see `Store.discard`."""
    number = _next(connection)
    row = Discard(number, "discard", selection.kind, selection.name, reason, who, at, 0, 0)
    # The entry comes first because the marks refer to it.
    _write(connection, row)
    counted = {}
    for table in (pairs, traffic):
        fresh = select(table.c.sequence, literal(number)).where(
            selection.of(table),
            table.c.sequence.not_in(select(discarded.c.sequence).where(_of_same(selection))),
        )
        counted[table.name] = _size(connection, fresh)
        connection.execute(insert(discarded).from_select(["sequence", "discard"], fresh))
    connection.execute(update(discards).where(discards.c.number == number).values(counted))
    return Discard(**{**asdict(row), **counted})


def unmark(
    connection: Connection, selection: Selection, reason: str, who: str, at: datetime
) -> Discard:
    """Take back all discards of the same name; see `Store.undo_discard`."""
    held = {
        table.name: _size(
            connection,
            select(table.c.sequence).where(
                table.c.sequence.in_(select(discarded.c.sequence).where(_of_same(selection)))
            ),
        )
        for table in (pairs, traffic)
    }
    connection.execute(delete(discarded).where(_of_same(selection)))
    row = Discard(
        _next(connection), "undo", selection.kind, selection.name, reason, who, at, **held
    )
    _write(connection, row)
    return row


def log(connection: Connection) -> list[Discard]:
    """Return all entries, oldest first."""
    found = connection.execute(select(discards).order_by(discards.c.number)).mappings()
    return [Discard(**{**row, "at": as_moment(row["at"])}) for row in found]


def in_force(connection: Connection, after: int, until: int) -> str:
    """Return the numbers of the discards that have marks in a part of the sequence."""
    chosen = select(discarded.c.discard).distinct().order_by(discarded.c.discard)
    within = (discarded.c.sequence > after) & (discarded.c.sequence <= until)
    return " ".join(str(number) for number in connection.scalars(chosen.where(within)))


def counted(connection: Connection) -> dict[str, int]:
    """Return how many pairs and texts are discarded."""
    return {
        table.name: _size(connection, select(table.c.sequence).where(~kept(table)))
        for table in (pairs, traffic)
    }


def names(connection: Connection, kind: Named) -> list[str]:
    """Return the sources, files or identifiers of all stored records."""
    found = {
        str(name)
        for table in ((pairs,) if kind == "id" else (pairs, traffic))
        for name in connection.scalars(select(table.c[kind]).distinct())
    }
    return sorted(found)


def _of_same(selection: Selection) -> ColumnElement[bool]:
    """Return the condition that a mark stems from a discard of the same name."""
    same = and_(discards.c.kind == selection.kind, discards.c.name == selection.name)
    return discarded.c.discard.in_(select(discards.c.number).where(same))


def _next(connection: Connection) -> int:
    """Take the next number of the log; holding the sequence lets no record arrive meanwhile."""
    next_numbers(connection, "sequence", 0)
    return next_numbers(connection, "discard", 1)


def _write(connection: Connection, row: Discard) -> None:
    if row.kind not in get_args(Named):
        raise ValueError(f"a discard names one of {', '.join(get_args(Named))}, got {row.kind!r}")
    plain = row.reason.replace("\0", " ").encode("utf-8", "backslashreplace").decode("utf-8")
    values = {**asdict(row), "reason": plain, "at": as_text(row.at)}
    connection.execute(insert(discards).values(values))


def _size(connection: Connection, chosen: Select[int] | Select[int, int]) -> int:
    return int(connection.scalar(select(func.count()).select_from(chosen.subquery())) or 0)
