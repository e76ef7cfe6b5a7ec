"""The one store: arrivals in one global sequence, quarantine, cycles, promotion history."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, Table, func, select

from pipeline.store import cycles as cycle_log
from pipeline.store import discards as discard_log
from pipeline.store import promotions as history
from pipeline.store.arrivals import (
    Arrivals,
    keep_progress,
    next_numbers,
    read_counts,
    read_progress,
)
from pipeline.store.cycles import CycleRow
from pipeline.store.database import Database
from pipeline.store.discards import Discard, Named, Selection, kept
from pipeline.store.promotions import Action, Promotion
from pipeline.store.records import ROLES, Added, Fault, FileProgress, Kind, Record, Role, Traffic
from pipeline.store.tables import counters, files, pairs, quarantine, traffic
from training.pairs import Pair


class Store:
    """The store of a workspace; made by `Store.open`, usable by several processes at once.

    All arrivals share one sequence, in the order in which they were stored. A *cut* is a number
    of it: `after` leaves out everything up to the cut, `until` everything behind it. Numbers are
    given inside the transaction that stores the rows, so nothing ever appears behind a cut.

    Discarded records stay stored, but are neither returned nor counted as arrivals.

    Every method raises `pipeline.database.StoreUnusable` when the database fails.

    Examples
    --------
    >>> with Store.open("sqlite://") as store:
    ...     pair = Pair("", "how do I sort an array", "numpy.sort returns a sorted copy")
    ...     once = store.add("pair", "recent", [Record(pair, line=1)])
    ...     again = store.add("pair", "recent", [Record(pair, line=1)])
    ...     (once.stored, again.stored, again.known, store.last_sequence())
    (1, 0, 1, 1)
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store, creating or migrating its tables if need be.

        `url` is any SQLAlchemy URL; `sqlite://` alone is a store in memory, gone at the end.
        """
        return cls(Database.open(url))

    def __enter__(self) -> Self:
        """Return the store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Show what would be stored: all that the block changes is undone when it ends.

        Writers of other processes wait meanwhile, so the block should only read and store.

        Examples
        --------
        >>> with Store.open("sqlite://") as store:
        ...     with store.rehearsal():
        ...         _ = store.add("traffic", "recent", [Record(Traffic("where is my card"))])
        ...         inside = store.count_traffic()
        ...     inside, store.count_traffic()
        (1, 0)
        """
        with self._database.rehearsing():
            yield

    # Arrivals

    @contextmanager
    def arriving(self, kind: Kind, role: Role, file: str) -> Iterator[Arrivals]:
        """Take in records of one file, in one transaction with its progress and counts.

        An exception inside the block leaves the store as it was.
        """
        if role not in ROLES.get(kind, ()):
            allowed = "; ".join(f"{kind}: {', '.join(roles)}" for kind, roles in ROLES.items())
            raise ValueError(f"kind and role must be one of ({allowed}), got {kind}: {role}")
        with self._database.writing() as connection:
            # Holding the counter makes adding one at a time on every engine: what is looked up
            # stays true until the end, and a lower number never appears after a higher one.
            next_numbers(connection, "sequence", 0)
            before = read_progress(connection, kind, role, file)
            earlier = read_counts(connection, kind, role, file)
            arrivals = Arrivals(kind, role, before or FileProgress(file), connection, earlier)
            yield arrivals
            keep_progress(connection, arrivals, is_new=before is None)

    def add(
        self,
        kind: Kind,
        role: Role,
        records: Sequence[Record],
        faults: Sequence[Fault] = (),
        progress: FileProgress | None = None,
    ) -> Added:
        """Take in records and faults in one transaction; `progress` names the file they are of.

        Pairs are recognised by their id, or by query, positive and negative where there is none.
        An id that already stands for another pair puts the record into quarantine. Traffic is
        recognised by id, text and timestamp; without an id by file, line and content; without a
        file each text counts, as true repetitions are real traffic.
        """
        with self.arriving(kind, role, progress.file if progress else "") as arrivals:
            arrivals.add(records, faults)
            arrivals.progress = progress or arrivals.progress
        return arrivals.total

    def progress(self, kind: Kind, role: Role, file: str) -> FileProgress | None:
        """Return how far a file has been read, None if it never was."""
        with self._database.reading() as connection:
            return read_progress(connection, kind, role, file)

    def last_sequence(self) -> int:
        """Return the number of the newest arrival, 0 before the first."""
        with self._database.reading() as connection:
            value = connection.scalar(select(counters.c.value).where(counters.c.name == "sequence"))
        return int(value or 0)

    def pairs(
        self, role: Role | None = None, after: int = 0, until: int | None = None
    ) -> list[Pair]:
        """Return the pairs in the order of their arrival; those without an id have a digest."""
        return self._read_pairs(*_within(pairs, role, after, until))

    def _read_pairs(self, *conditions: ColumnElement[bool]) -> list[Pair]:
        columns = [
            pairs.c[name] for name in ("id", "query", "positive", "negative", "source", "timestamp")
        ]
        chosen = select(*columns).where(*conditions)
        with self._database.reading() as connection:
            found = connection.execute(chosen.order_by(pairs.c.sequence))
            return [Pair(*row) for row in found]

    def traffic(
        self,
        role: Role | None = None,
        after: int = 0,
        until: int | None = None,
        latest: int | None = None,
    ) -> list[Traffic]:
        """Return the texts in the order of their arrival; `latest` keeps that many of the end."""
        return self._read_traffic(latest, *_within(traffic, role, after, until))

    def _read_traffic(self, latest: int | None, *conditions: ColumnElement[bool]) -> list[Traffic]:
        columns = [traffic.c[name] for name in ("text", "id", "source", "timestamp")]
        chosen = select(*columns).where(*conditions)
        with self._database.reading() as connection:
            newest_first = chosen.order_by(traffic.c.sequence.desc()).limit(latest)
            return [Traffic(*row) for row in connection.execute(newest_first)][::-1]

    def count_pairs(
        self, after: int = 0, until: int | None = None, role: Role | None = None
    ) -> int:
        """Return the number of pairs behind a cut."""
        return self._count(pairs, role, after, until)

    def count_traffic(
        self, after: int = 0, until: int | None = None, role: Role | None = None
    ) -> int:
        """Return the number of texts behind a cut."""
        return self._count(traffic, role, after, until)

    def quarantine(self, limit: int | None = None) -> list[Fault]:
        """Return the faults, newest first."""
        chosen = select(quarantine.c.file, quarantine.c.line, quarantine.c.reason)
        with self._database.reading() as connection:
            found = connection.execute(chosen.order_by(quarantine.c.number.desc()).limit(limit))
            return [Fault(*row) for row in found]

    def counts(self) -> dict[str, Any]:
        """Return how many records there are, in all and per file.

        `seen` = `stored` + `known` + `quarantined`, for each file and for their sum; `stored` sums
        up to the rows of pairs and traffic, `quarantined` to the rows in quarantine. Discarded
        records are stored ones.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                select(files).order_by(files.c.kind, files.c.role, files.c.file)
            ).all()
            per_role = {
                name: {
                    str(role): int(number)
                    for role, number in connection.execute(
                        select(table.c.role, func.count()).group_by(table.c.role)
                    )
                }
                for name, table in (("pairs", pairs), ("traffic", traffic))
            }
            held = connection.scalar(select(func.count()).select_from(quarantine))
            out = discard_log.counted(connection)
        listed = [_counted(Added(row.stored, row.known, row.quarantined)) for row in rows]
        total = sum((Added(row.stored, row.known, row.quarantined) for row in rows), Added())
        return {
            **per_role,
            "quarantine": held,
            "discarded": out,
            **_counted(total),
            "files": [
                {"file": row.file, "kind": row.kind, "role": row.role, **count}
                for row, count in zip(rows, listed, strict=True)
            ],
        }

    def _count(self, table: Table, role: Role | None, after: int, until: int | None) -> int:
        chosen = select(func.count()).select_from(table).where(*_within(table, role, after, until))
        with self._database.reading() as connection:
            return int(connection.scalar(chosen) or 0)

    # Discards

    def discard(self, selection: Selection, reason: str, who: str, at: datetime) -> Discard:
        """Take the selected records out of learning and looks, and return the entry of the log.

        Records that arrive later are not concerned; doing it again marks what arrived meanwhile.
        """
        with self._database.writing() as connection:
            return discard_log.mark(connection, selection, reason, who, at)

    def undo_discard(self, selection: Selection, reason: str, who: str, at: datetime) -> Discard:
        """Take back the discards of the same kind and name, and return the entry of the log.

        A record that a discard of another name covers too stays out.
        """
        with self._database.writing() as connection:
            return discard_log.unmark(connection, selection, reason, who, at)

    def discards(self) -> list[Discard]:
        """Return the log of discards, oldest first."""
        with self._database.reading() as connection:
            return discard_log.log(connection)

    def discards_in_force(self, after: int, until: int) -> str:
        """Return which discards concern a part of the sequence: equal texts, equal records left."""
        with self._database.reading() as connection:
            return discard_log.in_force(connection, after, until)

    def discarded_pairs(self) -> list[Pair]:
        """Return the discarded pairs in the order of their arrival."""
        return self._read_pairs(~kept(pairs))

    def discarded_traffic(self) -> list[Traffic]:
        """Return the discarded texts in the order of their arrival."""
        return self._read_traffic(None, ~kept(traffic))

    def names(self, kind: Named) -> list[str]:
        """Return the sources, the files or the identifiers of all stored records."""
        with self._database.reading() as connection:
            return discard_log.names(connection, kind)

    def files_of_pairs(self, after: int = 0, until: int | None = None) -> dict[str, str]:
        """Return pair id -> file for the pairs behind a cut."""
        chosen = select(pairs.c.id, pairs.c.file).where(*_within(pairs, None, after, until))
        with self._database.reading() as connection:
            return {row.id: row.file for row in connection.execute(chosen)}

    # Cycle journal

    def begin_cycle(self, started: datetime) -> CycleRow:
        """Begin a cycle with the next id ("0001", "0002", …), whatever the clock says.

        Raises ValueError while another cycle is unfinished.
        """
        with self._database.writing() as connection:
            return cycle_log.begin(connection, started)

    def unfinished_cycle(self) -> CycleRow | None:
        """Return the cycle that was begun and has no outcome yet."""
        with self._database.reading() as connection:
            return cycle_log.unfinished(connection)

    def stage(self, cycle: str, name: str) -> dict[str, Any] | None:
        """Return what a stage of a cycle recorded, or None if it is not done."""
        with self._database.reading() as connection:
            return cycle_log.stage(connection, cycle, name)

    def stages(self, cycle: str) -> dict[str, dict[str, Any]]:
        """Return what each stage of a cycle recorded, by name."""
        with self._database.reading() as connection:
            return cycle_log.recorded(connection, cycle)

    def record_stage(self, cycle: str, name: str, payload: Mapping[str, Any]) -> None:
        """Record that a stage is done, with its result (anything JSON can hold).

        Doing so again with the same result changes nothing; with another one, or for a cycle that
        is finished or unknown, it raises ValueError.
        """
        with self._database.writing() as connection:
            cycle_log.record(connection, cycle, name, payload)

    def finish_cycle(
        self,
        cycle: str,
        outcome: str,
        result: Mapping[str, Any],
        finished: datetime | None = None,
    ) -> CycleRow:
        """Close a cycle with its outcome; raises ValueError if it is finished or unknown."""
        with self._database.writing() as connection:
            return cycle_log.finish(connection, cycle, outcome, result, finished)

    def cycles(self, limit: int | None = None) -> list[CycleRow]:
        """Return the cycles, newest first."""
        with self._database.reading() as connection:
            return cycle_log.newest(connection, limit)

    # Promotion history

    def append_promotion(
        self,
        version: int,
        previous: int | None,
        action: Action,
        reason: str,
        cycle: str | None,
        at: datetime,
    ) -> Promotion:
        """Add a change of the champion to the history and return its row.

        A cycle that is continued after an interruption may add the same change again: the row that
        is there already is returned.
        """
        with self._database.writing() as connection:
            return history.append(connection, version, previous, action, reason, cycle, at)

    def promotions(self) -> list[Promotion]:
        """Return the promotion history, oldest first, unverified."""
        with self._database.reading() as connection:
            return history.rows(connection)

    def verify_promotions(self) -> int:
        """Check every link of the promotion history and return its length.

        Raises
        ------
        pipeline.history.HistoryBroken
            A row was edited, deleted, inserted or moved, or the end was cut off; it names the row.
        """
        with self._database.reading() as connection:
            return history.verify(connection)


def _within(
    table: Table, role: Role | None, after: int, until: int | None
) -> list[ColumnElement[bool]]:
    conditions = [table.c.sequence > after, kept(table)]
    if role is not None:
        conditions.append(table.c.role == role)
    if until is not None:
        conditions.append(table.c.sequence <= until)
    return conditions


def _counted(added: Added) -> dict[str, int]:
    return {
        "seen": added.seen,
        "stored": added.stored,
        "known": added.known,
        "quarantined": added.quarantined,
    }
