"""Pairs and texts that arrived, read back between two cuts: all of them, or a bounded part."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, func, select

from pipeline.store.database import Database
from pipeline.store.discards import kept, within
from pipeline.store.parts import evenly, of_each_source
from pipeline.store.records import Role, Traffic
from pipeline.store.rows import chunks
from pipeline.store.tables import pairs, traffic
from training.pairs import Pair, PerSource

_Made = TypeVar("_Made", Pair, Traffic)


class ArrivedRecords:
    """The part of the store that reads what arrived to be learned and checked."""

    _database: Database

    def pairs(
        self,
        role: Role | None = None,
        after: int = 0,
        until: int | None = None,
        latest: int | None = None,
        *,
        spread: int | None = None,
        most: PerSource | None = None,
    ) -> list[Pair]:
        """Return the pairs in the order of their arrival; those without an id have a digest.

        Parameters
        ----------
        role
            What they are for.
        after, until
            Sequence numbers between which they arrived.
        latest
            Limits them to the newest.
        spread
            Limits them to so many, spread evenly.
        most
            Limits them to so many of each source.
        """
        conditions = within(pairs, role, after, until)
        if most is not None:
            conditions = [of_each_source(most, conditions)]
        if spread is not None:
            conditions = [evenly(pairs, spread, conditions)]
        return self._read(pairs, Pair, latest, *conditions)

    def pair_sources(
        self, role: Role | None = None, after: int = 0, until: int | None = None
    ) -> dict[str, int]:
        """Return source -> number of pairs between two cuts.

        Examples
        --------
        >>> from pipeline.store import Record, Store
        >>> with Store.open("sqlite://") as store:
        ...     for source in ("bank", "bank", "travel"):
        ...         pair = Pair("", f"question {store.last_sequence()}", "answer", source=source)
        ...         _ = store.add("pair", "recent", [Record(pair)])
        ...     store.pair_sources("recent", after=1)
        {'bank': 1, 'travel': 1}
        """
        chosen = select(pairs.c.source, func.count()).where(*within(pairs, role, after, until))
        grouped = chosen.group_by(pairs.c.source).order_by(pairs.c.source)
        with self._database.reading() as connection:
            return {str(name): int(size) for name, size in connection.execute(grouped)}

    def traffic(
        self,
        role: Role | None = None,
        after: int = 0,
        until: int | None = None,
        latest: int | None = None,
        *,
        spread: int | None = None,
    ) -> list[Traffic]:
        """Return the texts in the order of their arrival.

        `latest` limits them to the newest, `spread` to so many that are spread evenly.
        """
        conditions = within(traffic, role, after, until)
        if spread is not None:
            conditions = [evenly(traffic, spread, conditions)]
        return self._read(traffic, Traffic, latest, *conditions)

    def _read(
        self, table: Table, made: type[_Made], latest: int | None, *conditions: ColumnElement[bool]
    ) -> list[_Made]:
        """Return the records that meet the conditions, or the newest of them, oldest first."""
        chosen = select(*(table.c[each.name] for each in fields(made))).where(*conditions)
        newest_first = chosen.order_by(table.c.sequence.desc()).limit(latest)
        with self._database.reading() as connection:
            return [made(*row) for row in connection.execute(newest_first)][::-1]

    def count_pairs(
        self, after: int = 0, until: int | None = None, role: Role | None = None
    ) -> int:
        """Return the number of pairs after a cut."""
        return self._count(pairs, role, after, until)

    def count_traffic(
        self, after: int = 0, until: int | None = None, role: Role | None = None
    ) -> int:
        """Return the number of texts after a cut."""
        return self._count(traffic, role, after, until)

    def _count(self, table: Table, role: Role | None, after: int, until: int | None) -> int:
        chosen = select(func.count()).select_from(table).where(*within(table, role, after, until))
        with self._database.reading() as connection:
            return int(connection.scalar(chosen) or 0)

    def newest_timestamp(self) -> float | None:
        """Return the latest moment that a record is dated, in seconds; None where none is."""
        with self._database.reading() as connection:
            found = [
                connection.scalar(select(func.max(each.c.timestamp))) for each in (pairs, traffic)
            ]
        return max((float(each) for each in found if each is not None), default=None)

    def pairs_numbered(self, sequences: Sequence[int]) -> list[Pair]:
        """Return the pairs of some sequence numbers that are still there and not discarded."""
        found: list[Pair] = []
        for some in chunks(sorted(sequences)):
            found += self._read(pairs, Pair, None, pairs.c.sequence.in_(some), kept(pairs))
        return found

    def discarded_pairs(self) -> list[Pair]:
        """Return the discarded pairs in the order of their arrival."""
        return self._read(pairs, Pair, None, ~kept(pairs))

    def discarded_traffic(self) -> list[Traffic]:
        """Return the discarded texts in the order of their arrival."""
        return self._read(traffic, Traffic, None, ~kept(traffic))

    def files_of_pairs(self, ids: Sequence[str]) -> dict[str, str]:
        """Return id -> file for the pairs of some ids."""
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for some in chunks(ids):
                chosen = select(pairs.c.id, pairs.c.file).where(pairs.c.id.in_(some))
                found |= {row.id: row.file for row in connection.execute(chosen)}
        return found

    def sequences_of_pairs(self, ids: Sequence[str]) -> dict[str, int]:
        """Return id -> sequence number, in the order of arrival, for the pairs of some ids.

        Examples
        --------
        >>> from pipeline.store import Record, Store
        >>> with Store.open("sqlite://") as store:
        ...     pairs = [Pair(name, f"question {name}", "answer") for name in "ab"]
        ...     _ = store.add("pair", "recent", [Record(pair) for pair in pairs])
        ...     store.sequences_of_pairs(["b", "c"])
        {'b': 2}
        """
        found: dict[str, int] = {}
        with self._database.reading() as connection:
            for some in chunks(ids):
                chosen = select(pairs.c.id, pairs.c.sequence).where(pairs.c.id.in_(some))
                found |= {row.id: int(row.sequence) for row in connection.execute(chosen)}
        return found
