"""The one store: arrivals in one global sequence, quarantine, cycles, promotion history."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from sqlalchemy import Connection, func, insert, select, true

from pipeline.store.acceptances import AcceptanceLog
from pipeline.store.arrivals import Arrivals
from pipeline.store.arrived import ArrivedRecords
from pipeline.store.canaries import CanaryLog
from pipeline.store.counts import DiscardedCounts, FileCounts, FileState, StoreCounts
from pipeline.store.cycles import CycleJournal
from pipeline.store.database import Database
from pipeline.store.discards import DiscardLog, count_discarded
from pipeline.store.documents import Documents, is_withdrawn
from pipeline.store.erasures import ErasureLog
from pipeline.store.file_progress import keep_progress, read_counts, read_progress
from pipeline.store.gaps import DocumentGaps
from pipeline.store.judgements import JudgementLog
from pipeline.store.outbox import Outbox
from pipeline.store.preprocessings import PreprocessingLog, note_preprocessing
from pipeline.store.promotions import PromotionHistory
from pipeline.store.pruned import PrunedLog
from pipeline.store.records import ROLES, Added, Fault, FileProgress, Kind, Record, Role
from pipeline.store.refusals import Refusals
from pipeline.store.rows import next_numbers
from pipeline.store.served import ServedLog
from pipeline.store.tables import (
    ARRIVALS,
    counters,
    documents,
    files,
    identity,
    pairs,
    quarantine,
    served,
    traffic,
)


class Store(
    ArrivedRecords,
    AcceptanceLog,
    Documents,
    ServedLog,
    Refusals,
    DiscardLog,
    CycleJournal,
    PromotionHistory,
    JudgementLog,
    Outbox,
    CanaryLog,
    PrunedLog,
    ErasureLog,
    PreprocessingLog,
    DocumentGaps,
):
    """The store of a workspace; made by `Store.open`, usable by several processes at once.

    All arrivals share one sequence, in the order in which they were stored. A *cut* is a number
    of it: `after` leaves out everything up to the cut, `until` everything after it. Numbers are
    given inside the transaction that stores the rows, so no row below a cut appears later.

    Discarded records stay stored, but are neither returned nor counted as arrivals.

    Every method raises `pipeline.store.StoreUnusable` when the database fails.

    Examples
    --------
    >>> from training.pairs import Pair
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
        """Open the store, creating or migrating its tables where needed.

        `url` is any SQLAlchemy URL; `sqlite://` alone is a store in memory, lost at the end.
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

    def identity(self, in_use: str = "") -> str:
        """Return the identity of the workspace, which is that of its store.

        Cuts, cycles and promotions are numbers of one store: another store, also an empty one in
        the place of one that was lost, makes another workspace.

        Parameters
        ----------
        in_use
            Identity of a workspace whose store was made before stores had one.
        """
        with self._database.reading() as connection:
            known = connection.scalar(select(identity.c.workspace))
        if known is None:
            with self._database.writing() as connection:
                # Another process may have been faster; its row is taken then.
                next_numbers(connection, "sequence", 0)
                known = connection.scalar(select(identity.c.workspace))
                if known is None:
                    known = in_use or uuid.uuid4().hex
                    connection.execute(insert(identity).values(workspace=known))
        return str(known)

    def held(self, doing: str, part: str = "") -> AbstractContextManager[bool]:
        """Give a block that keeps the runners of other machines out, and says whether it does.

        It does in PostgreSQL; another engine knows one machine only.

        Parameters
        ----------
        doing
            The command, for the message that others get.
        part
            What is held; by default the whole workspace. Each part is a lock of its own.

        Raises
        ------
        WorkspaceBusy
            Somebody else is at work; the message names the process.
        """
        return self._database.held(f"{self.identity()}{part}", doing)

    def confirm_hold(self) -> None:
        """Make sure, before something outside of the store is changed, that the hold lasts.

        Raises
        ------
        HoldLost
            The hold was lost.
        """
        self._database.confirm_hold()

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Show what would be stored: all that the block changes is undone when it ends.

        Writers of other processes wait until then, so the block should only read and store.

        Examples
        --------
        >>> from pipeline.store import Traffic
        >>> with Store.open("sqlite://") as store:
        ...     with store.rehearsal():
        ...         _ = store.add("traffic", "recent", [Record(Traffic("where is my card"))])
        ...         inside = store.count_traffic()
        ...     inside, store.count_traffic()
        (1, 0)
        """
        with self._database.rehearsing():
            yield

    def together(self) -> AbstractContextManager[None]:
        """Give a block whose changes are kept in one transaction, or undone by an exception."""
        return self._database.together()

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
            first = next_numbers(connection, "sequence", 0)
            before = read_progress(connection, kind, role, file)
            earlier = read_counts(connection, kind, role, file)
            arrivals = Arrivals(kind, role, before or FileProgress(file), connection, earlier)
            yield arrivals
            keep_progress(connection, arrivals, is_new=before is None)
            last = next_numbers(connection, "sequence", 0) - 1
            if arrivals.read_by and last >= first:
                note_preprocessing(connection, kind, first, last, arrivals.read_by)

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
        An id that another pair has already puts the record into quarantine. Traffic is
        recognised by id, text and timestamp; without an id by file, line and content; without a
        file each text counts, as true repetitions are real traffic. So are served queries. A
        document whose title, text, url or source differs from the newest version of its id is a
        new version.
        """
        with self.arriving(kind, role, progress.file if progress else "") as arrivals:
            arrivals.add(records, faults)
            arrivals.progress = progress or arrivals.progress
        return arrivals.total

    def progress(self, kind: Kind, role: Role, file: str) -> FileProgress | None:
        """Return how far a file has been read, None if it never was."""
        with self._database.reading() as connection:
            return read_progress(connection, kind, role, file)

    def files_read(self, kind: Kind) -> dict[str, FileProgress]:
        """Return file -> how far it was read, for all files of a kind."""
        chosen = select(files.c.file, files.c.stamp, files.c.done, files.c.lines, files.c.digest)
        with self._database.reading() as connection:
            found = connection.execute(chosen.where(files.c.kind == kind))
            return {row.file: FileProgress(*row) for row in found}

    def file_states(self) -> list[FileState]:
        """Return what each file has brought so far."""
        with self._database.reading() as connection:
            return _file_states(connection)

    def last_sequence(self) -> int:
        """Return the number of the newest arrival, 0 before the first."""
        with self._database.reading() as connection:
            value = connection.scalar(select(counters.c.value).where(counters.c.name == "sequence"))
        return int(value or 0)

    def sequence_before(self, role: Role, kind: Kind | None = None) -> int:
        """Return the number before the first arrival of a role; the newest where none arrived.

        Parameters
        ----------
        role
            What the records are for.
        kind
            What they are; None: pairs, texts and served queries.

        Examples
        --------
        >>> from training.pairs import Pair
        >>> with Store.open("sqlite://") as store:
        ...     for role in ("history", "recent", "recent"):
        ...         pair = Pair("", f"a question {store.last_sequence()}", "its answer")
        ...         _ = store.add("pair", role, [Record(pair)])
        ...     store.sequence_before("recent"), store.sequence_before("reference")
        (1, 3)
        """
        firsts = [
            select(func.min(table.c.sequence).label("first")).where(table.c.role == role)
            for name, table in (("pair", pairs), ("traffic", traffic), ("served", served))
            if kind in (None, name)
        ]
        with self._database.reading() as connection:
            found = [first for chosen in firsts if (first := connection.scalar(chosen))]
        return min(found) - 1 if found else self.last_sequence()

    def quarantine(self, limit: int | None = None, file: str | None = None) -> list[Fault]:
        """Return the faults, newest first; those of one file where it is named."""
        chosen = select(quarantine.c.file, quarantine.c.line, quarantine.c.reason)
        if file is not None:
            chosen = chosen.where(quarantine.c.file == file)
        with self._database.reading() as connection:
            found = connection.execute(chosen.order_by(quarantine.c.number.desc()).limit(limit))
            return [Fault(*row) for row in found]

    def counts(self) -> StoreCounts:
        """Return how many records there are, in all and per file."""
        with self._database.reading() as connection:
            listed = _file_states(connection)
            per_role = {
                table.name: {
                    str(role): int(number)
                    for role, number in connection.execute(
                        select(table.c.role, func.count())
                        .where(~is_withdrawn if table is documents else true())
                        .group_by(table.c.role)
                    )
                }
                for table in ARRIVALS
            }
            held = connection.scalar(select(func.count()).select_from(quarantine))
            excluded = count_discarded(connection)
        total = sum((_added(each) for each in listed), Added())
        return StoreCounts(
            **per_role,
            quarantine=held or 0,
            discarded=DiscardedCounts(**excluded),
            **total.counted(),
            files=tuple(FileCounts.model_validate(each.model_dump()) for each in listed),
        )


def _file_states(connection: Connection) -> list[FileState]:
    rows = connection.execute(select(files).order_by(files.c.kind, files.c.role, files.c.file))
    return [
        FileState(
            file=row.file,
            kind=row.kind,
            role=row.role,
            stamp=row.stamp,
            became=json.loads(row.became),
            **Added(row.stored, row.known, row.quarantined, row.erased).counted(),
        )
        for row in rows
    ]


def _added(state: FileState) -> Added:
    return Added(state.stored, state.known, state.quarantined, state.erased)
