"""The log of acceptances: which arrived texts count as known, by whose word, when and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.rows import next_numbers, plain
from pipeline.store.tables import acceptances


@dataclass(frozen=True)
class Acceptance:
    """One entry of the log.

    Attributes
    ----------
    number
        Its place in the log, from 1.
    action
        "accept", or "undo" for the entry that takes the last acceptance back.
    until
        Sequence number up to which the texts that arrived count as known, or no longer do.
    cycle
        The cycle that had checked them; empty for the first texts of a workspace.
    reason, who, at
        Why, by whom and when.
    """

    number: int
    action: Literal["accept", "undo"]
    until: int
    cycle: str
    reason: str
    who: str
    at: datetime


class AcceptanceLog:
    """The part of the store that knows which texts a person took for known ground.

    The log only grows. An undo takes back the last acceptance that is in force.
    """

    _database: Database

    def accept(self, until: int, cycle: str, reason: str, who: str, at: datetime) -> Acceptance:
        """Let all texts up to a sequence number count as known; return the entry of the log."""
        with self._database.writing() as connection:
            return _append(connection, "accept", until, cycle, reason, who, at)

    def undo_acceptance(self, reason: str, who: str, at: datetime) -> Acceptance | None:
        """Take back the last acceptance; return the entry of the log, None if none is in force."""
        with self._database.writing() as connection:
            last = in_force(_entries(connection))
            if last is None:
                return None
            return _append(connection, "undo", last.until, last.cycle, reason, who, at)

    def acceptances(self) -> list[Acceptance]:
        """Return the log, oldest first."""
        with self._database.reading() as connection:
            return _entries(connection)

    def accepted_until(self) -> int:
        """Return the sequence number up to which texts count as known; 0 where none do.

        Examples
        --------
        >>> from datetime import UTC
        >>> from pipeline.store import Store
        >>> now = datetime(2026, 3, 1, tzinfo=UTC)
        >>> with Store.open("sqlite://") as store:
        ...     _ = store.accept(7, "0002", "a new product", "ann", now)
        ...     before = store.accepted_until()
        ...     _ = store.undo_acceptance("it was not", "ann", now)
        ...     before, store.accepted_until()
        (7, 0)
        """
        last = in_force(self.acceptances())
        return last.until if last else 0


def in_force(log: Sequence[Acceptance]) -> Acceptance | None:
    """Return the last acceptance that was not taken back."""
    standing: list[Acceptance] = []
    for entry in log:
        if entry.action == "accept":
            standing.append(entry)
        else:
            standing.pop()
    return standing[-1] if standing else None


def _entries(connection: Connection) -> list[Acceptance]:
    found = connection.execute(select(acceptances).order_by(acceptances.c.number)).mappings()
    return [Acceptance(**{**row, "at": as_moment(row["at"])}) for row in found]


def _append(
    connection: Connection,
    action: Literal["accept", "undo"],
    until: int,
    cycle: str,
    reason: str,
    who: str,
    at: datetime,
) -> Acceptance:
    # Holding the sequence makes entries one at a time on every engine.
    next_numbers(connection, "sequence", 0)
    last = connection.scalar(select(func.max(acceptances.c.number)))
    reason = plain(reason)
    entry = Acceptance((last or 0) + 1, action, until, cycle, reason, who, at)
    connection.execute(insert(acceptances).values({**asdict(entry), "at": as_text(at)}))
    return entry
