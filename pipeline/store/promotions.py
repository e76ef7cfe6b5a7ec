"""The promotion history: an append-only chain in which every row seals the ones before it."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, insert, select, update

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.tables import promotion_head, promotions
from training.faults import AnchorholdError

Action = Literal["bootstrap", "promote", "rollback", "force"]
"""Why the champion changed: first version, gate passed, way back, or by hand without passing."""


class HistoryBroken(AnchorholdError, RuntimeError):
    """The promotion history was changed after it was written; the message names the row."""


@dataclass(frozen=True)
class Promotion:
    """One change of the champion.

    `number` counts from 1 without gaps; `hash` is the SHA-256 over the hash of the row before and
    the canonical JSON of all other fields.
    """

    number: int
    version: int
    previous: int | None
    action: Action
    reason: str
    cycle: str | None
    at: datetime
    hash: str


def append(
    connection: Connection,
    version: int,
    previous: int | None,
    action: Action,
    reason: str,
    cycle: str | None,
    at: datetime,
) -> Promotion:
    """Add a row to the chain; see `Store.append_promotion`."""
    if action not in get_args(Action):
        raise ValueError(f"action must be one of {', '.join(get_args(Action))}, got {action!r}")
    # Writing first takes the row's lock, so that two writers follow one another on every engine.
    count, sealed = connection.execute(
        update(promotion_head)
        .values(rows=promotion_head.c.rows)
        .returning(promotion_head.c.rows, promotion_head.c.hash)
    ).one()
    if cycle is not None:
        for row in rows(connection):
            if (row.cycle, row.version, row.action) == (cycle, version, action):
                return row
    plain = reason.replace("\0", " ").encode("utf-8", "backslashreplace").decode("utf-8")
    moment = as_moment(as_text(at))
    row = Promotion(count + 1, version, previous, action, plain, cycle, moment, hash="")
    row = replace(row, hash=_seal(sealed, row))
    connection.execute(insert(promotions).values({**asdict(row), "at": as_text(at)}))
    connection.execute(update(promotion_head).values(rows=row.number, hash=row.hash))
    return row


def rows(connection: Connection) -> list[Promotion]:
    """Return all rows, oldest first."""
    found = connection.execute(select(promotions).order_by(promotions.c.number)).mappings()
    return [Promotion(**{**row, "at": as_moment(row["at"])}) for row in found]


def verify(connection: Connection) -> int:
    """Check the whole chain and return its length; see `Store.verify_promotions`."""
    count, head = connection.execute(
        select(promotion_head.c.rows, promotion_head.c.hash)
    ).one_or_none() or (-1, "")
    if count < 0:
        raise HistoryBroken("the head of the promotion history is gone; it must hold one row")
    sealed, expected = "", 0
    for expected, row in enumerate(_readable(connection), start=1):
        if row.number != expected:
            raise HistoryBroken(
                f"row {expected} of the promotion history is missing: row {row.number} stands in "
                "its place; rows must be numbered without gaps"
            )
        if row.hash != _seal(sealed, row):
            raise HistoryBroken(
                f"row {expected} of the promotion history (version {row.version}, {row.action}) "
                "does not carry the hash of its content and of the row before; it was changed, "
                "moved or replaced after it was written"
            )
        sealed = row.hash
    if expected != count or sealed != head:
        raise HistoryBroken(
            f"the promotion history ends with row {expected}, but its head names row {count} "
            f"with hash {head[:12] or 'none'}; rows at the end were removed or added by hand"
        )
    return expected


def _readable(connection: Connection) -> list[Promotion]:
    try:
        return rows(connection)
    except ValueError as error:
        raise HistoryBroken(
            f"the promotion history holds a row that cannot be read: {error}"
        ) from error


def _seal(sealed: str, row: Promotion) -> str:
    content = {**asdict(row), "at": as_text(row.at)}
    del content["hash"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{sealed}{canonical}".encode("ascii")).hexdigest()
