"""The log of discards: which records learning and checks leave out, by whom, when and why.

A discard marks records and never deletes them. The log only grows; the marks are its sum, so that
a record that two discards cover stays excluded until both are undone.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
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

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.records import Role
from pipeline.store.rows import next_numbers, plain
from pipeline.store.tables import (
    ARRIVALS,
    discarded,
    discards,
    documents,
    pairs,
    served,
    traffic,
)

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
        Sequence numbers between which a cycle's pairs lie; not used by the other kinds.
    """

    kind: Named
    name: str
    after: int = 0
    until: int = 0

    def of(self, table: Table) -> ColumnElement[bool]:
        """Return the condition that a row of a table meets."""
        if self.kind == "cycle":
            within = (table.c.sequence > self.after) & (table.c.sequence <= self.until)
            return within & (table.c.role == "recent") & literal(table is pairs)
        if self.kind == "id" and table is not pairs:
            return literal(False)
        named = table.c[self.kind] == self.name
        if self.kind == "id":
            # A record with several positives or negatives is several pairs: id, id#2, id#3, …
            named |= table.c.id.startswith(f"{self.name}#", autoescape=True)
        return named


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
    pairs: int = 0
    traffic: int = 0
    documents: int = 0
    served: int = 0


class DiscardLog:
    """The part of the store that takes records out of learning and checks, and brings them back."""

    _database: Database

    def discard(self, selection: Selection, reason: str, who: str, at: datetime) -> Discard:
        """Exclude the selected records from learning and checks; return the entry of the log.

        Records that arrive later are not excluded; doing it again marks what arrived since.
        """
        with self._database.writing() as connection:
            number = _next(connection)
            row = Discard(number, "discard", selection.kind, selection.name, reason, who, at)
            # The entry comes first because the marks refer to it.
            _write(connection, row)
            marked = {}
            for table in ARRIVALS:
                fresh = select(table.c.sequence, literal(number)).where(
                    selection.of(table),
                    table.c.sequence.not_in(
                        select(discarded.c.sequence).where(_of_same(selection))
                    ),
                )
                marked[table.name] = _size(connection, fresh)
                connection.execute(insert(discarded).from_select(["sequence", "discard"], fresh))
            connection.execute(update(discards).where(discards.c.number == number).values(marked))
            return replace(
                row,
                pairs=marked[pairs.name],
                traffic=marked[traffic.name],
                documents=marked[documents.name],
                served=marked[served.name],
            )

    def undo_discard(self, selection: Selection, reason: str, who: str, at: datetime) -> Discard:
        """Take back the discards of the same kind and name, and return the entry of the log.

        A record that a discard of another name covers too stays excluded.
        """
        with self._database.writing() as connection:
            marks = select(discarded.c.sequence).where(_of_same(selection))
            held = {
                table.name: _size(
                    connection, select(table.c.sequence).where(table.c.sequence.in_(marks))
                )
                for table in ARRIVALS
            }
            connection.execute(delete(discarded).where(_of_same(selection)))
            number = _next(connection)
            row = Discard(number, "undo", selection.kind, selection.name, reason, who, at, **held)
            _write(connection, row)
            return row

    def discards(self) -> list[Discard]:
        """Return the log of discards, oldest first."""
        with self._database.reading() as connection:
            found = connection.execute(select(discards).order_by(discards.c.number)).mappings()
            return [Discard(**{**row, "at": as_moment(row["at"])}) for row in found]

    def discards_in_force(self, after: int, until: int) -> str:
        """Return which discards concern a part of the sequence: equal texts, equal records left."""
        within = (discarded.c.sequence > after) & (discarded.c.sequence <= until)
        chosen = select(discarded.c.discard).distinct().order_by(discarded.c.discard).where(within)
        with self._database.reading() as connection:
            return " ".join(str(number) for number in connection.scalars(chosen))

    def names(self, kind: Named) -> list[str]:
        """Return the sources, the files or the identifiers of all stored records."""
        with self._database.reading() as connection:
            found = {
                str(name)
                for table in ((pairs,) if kind == "id" else ARRIVALS)
                for name in connection.scalars(select(table.c[kind]).distinct())
            }
        return sorted(found)


def kept(table: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row is not discarded."""
    return table.c.sequence.not_in(select(discarded.c.sequence))


def within(
    table: Table, role: Role | None, after: int, until: int | None
) -> list[ColumnElement[bool]]:
    """Return the conditions that a row is kept, of a role, and between two cuts."""
    conditions = [table.c.sequence > after, kept(table)]
    if role is not None:
        conditions.append(table.c.role == role)
    if until is not None:
        conditions.append(table.c.sequence <= until)
    return conditions


def count_discarded(connection: Connection) -> dict[str, int]:
    """Return how many records of each table are discarded."""
    return {
        table.name: _size(connection, select(table.c.sequence).where(~kept(table)))
        for table in ARRIVALS
    }


def _of_same(selection: Selection) -> ColumnElement[bool]:
    """Return the condition that a mark stems from a discard of the same name."""
    same = and_(discards.c.kind == selection.kind, discards.c.name == selection.name)
    return discarded.c.discard.in_(select(discards.c.number).where(same))


def _next(connection: Connection) -> int:
    """Take the next number of the log; holding the sequence keeps records from arriving."""
    next_numbers(connection, "sequence", 0)
    return next_numbers(connection, "discard", 1)


def _write(connection: Connection, row: Discard) -> None:
    if row.kind not in get_args(Named):
        raise ValueError(f"a discard names one of {', '.join(get_args(Named))}, got {row.kind!r}")
    values = {**asdict(row), "reason": plain(row.reason), "at": as_text(row.at)}
    connection.execute(insert(discards).values(values))


def _size(connection: Connection, chosen: Select[int] | Select[int, int]) -> int:
    return int(connection.scalar(select(func.count()).select_from(chosen.subquery())) or 0)
