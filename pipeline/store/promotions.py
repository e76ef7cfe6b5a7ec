"""The promotion history: an append-only chain in which every row seals the ones before it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import Connection, delete, insert, select, update

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.outbox import post
from pipeline.store.rows import plain
from pipeline.store.tables import intended_move, promotion_head, promotions
from training.faults import AnchorholdError

Action = Literal["bootstrap", "adopt", "promote", "rollback", "force"]
"""Why the champion changed: base model, taken over, gate passed, way back, or by hand."""


_RESTORE = "restore the store from a backup"


class HistoryBroken(AnchorholdError, RuntimeError):
    """The promotion history was changed after it was written; the message names the row."""


@dataclass(frozen=True)
class Promotion:
    """One change of the champion.

    `number` counts from 1 without gaps; `hash` is the SHA-256 over the hash of the row before and
    the canonical JSON of all other fields; `who` is the person who decided, empty for a cycle.
    """

    number: int
    version: int
    previous: int | None
    action: Action
    reason: str
    cycle: str | None
    at: datetime
    hash: str
    who: str = ""


@dataclass(frozen=True)
class HistoryHead:
    """The end of the promotion history: it covers all rows, as each hash covers those before.

    Attributes
    ----------
    rows
        How many there are.
    hash
        Hash of the last one; empty where there is none.
    """

    rows: int
    hash: str


class PromotionHistory:
    """The part of the store that knows which version served, since when and why."""

    _database: Database

    def append_promotion(
        self,
        version: int,
        previous: int | None,
        action: Action,
        reason: str,
        cycle: str | None,
        at: datetime,
        who: str = "",
    ) -> Promotion:
        """Add a change of the champion to the history, with its message; return its row.

        A cycle that is resumed after an interruption may add the same change again: the row that
        is there already is returned.
        """
        if action not in get_args(Action):
            raise ValueError(f"action must be one of {', '.join(get_args(Action))}, got {action!r}")
        with self._database.writing() as connection:
            # Writing first takes the row's lock, so that two writers follow one another on every
            # engine.
            count, sealed = connection.execute(
                update(promotion_head)
                .values(rows=promotion_head.c.rows)
                .returning(promotion_head.c.rows, promotion_head.c.hash)
            ).one()
            if cycle is not None:
                for row in _rows(connection):
                    if (row.cycle, row.version, row.action) == (cycle, version, action):
                        return row
            reason = plain(reason)
            moment = as_moment(as_text(at))
            row = Promotion(
                count + 1, version, previous, action, reason, cycle, moment, "", plain(who)
            )
            row = replace(row, hash=_seal(sealed, row))
            connection.execute(insert(promotions).values({**asdict(row), "at": as_text(at)}))
            connection.execute(update(promotion_head).values(rows=row.number, hash=row.hash))
            told = {"version": version, "previous": previous, "action": action, "reason": reason}
            post(connection, "promotion", str(row.number), {**told, "cycle": cycle}, moment)
            return row

    def intend_move(self, move: Mapping[str, Any] | None) -> None:
        """Write down a move by hand before it is made, or None once it is in the history."""
        with self._database.writing() as connection:
            connection.execute(delete(intended_move))
            if move is not None:
                connection.execute(insert(intended_move).values(move=json.dumps(dict(move))))

    def intended_move(self) -> dict[str, Any] | None:
        """Return the move that was written down and not made, or not recorded; None for none."""
        with self._database.reading() as connection:
            written = connection.scalar(select(intended_move.c.move))
        return None if written is None else dict(json.loads(written))

    def promotions(self) -> list[Promotion]:
        """Return the promotion history, oldest first, unverified."""
        with self._database.reading() as connection:
            return _rows(connection)

    def promotion_head(self) -> HistoryHead:
        """Return how many rows the history has and the hash of the last one, unverified.

        Raises
        ------
        HistoryBroken
            The head was deleted.
        """
        with self._database.reading() as connection:
            return _head(connection)

    def verify_promotions(self) -> int:
        """Check every link of the promotion history and return its length.

        Whoever can write to the database can compute all hashes anew. The head that the registry
        keeps too reveals that (`pipeline.cycle.history`).

        Raises
        ------
        HistoryBroken
            A row was edited, deleted, inserted or moved, or the end was cut off; it names the row.
        """
        with self._database.reading() as connection:
            return _verified(connection)


def _rows(connection: Connection) -> list[Promotion]:
    found = connection.execute(select(promotions).order_by(promotions.c.number)).mappings()
    return [Promotion(**{**row, "at": as_moment(row["at"])}) for row in found]


def _head(connection: Connection) -> HistoryHead:
    found = connection.execute(select(promotion_head.c.rows, promotion_head.c.hash)).one_or_none()
    if found is None:
        raise HistoryBroken(f"the head of the promotion history is missing; {_RESTORE}")
    return HistoryHead(*found)


def _verified(connection: Connection) -> int:
    head = _head(connection)
    sealed, expected = "", 0
    for expected, row in enumerate(_readable(connection), start=1):
        if row.number != expected:
            raise HistoryBroken(
                f"row {expected} of the promotion history is missing: row {row.number} is in its "
                f"place; {_RESTORE}"
            )
        if row.hash != _seal(sealed, row):
            raise HistoryBroken(
                f"row {expected} of the promotion history (version {row.version}, {row.action}) "
                "does not match its hash: it was changed, moved or replaced after it was written; "
                f"{_RESTORE}"
            )
        sealed = row.hash
    if HistoryHead(expected, sealed) != head:
        raise HistoryBroken(
            f"the promotion history ends with row {expected}, but its head names row {head.rows} "
            f"with hash {head.hash[:12] or 'none'}: rows at the end were removed or added; "
            f"{_RESTORE}"
        )
    return expected


def _readable(connection: Connection) -> list[Promotion]:
    try:
        return _rows(connection)
    except ValueError as error:
        raise HistoryBroken(
            f"the promotion history has a row that cannot be read: {error}; {_RESTORE}"
        ) from error


def _seal(sealed: str, row: Promotion) -> str:
    content = {**asdict(row), "at": as_text(row.at)}
    del content["hash"]
    if not row.who:
        # Rows from before it was recorded keep their hashes.
        del content["who"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{sealed}{canonical}".encode("ascii")).hexdigest()
