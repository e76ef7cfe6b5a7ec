"""What read the records: stretches of the sequence whose texts were made in the same way."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from pipeline.store.database import Database
from pipeline.store.records import Kind
from pipeline.store.tables import documents, pairs, preprocessings, traffic

_TABLES = {"traffic": traffic, "pair": pairs, "document": documents}
_KINDS: Mapping[str, tuple[Kind, ...]] = {
    # Each line of a log is a text of the traffic.
    "traffic": ("traffic", "served"),
    "pair": ("pair",),
    "document": ("document",),
}


@dataclass(frozen=True)
class ReadAlike:
    """Records that were read in the same way.

    Attributes
    ----------
    fingerprint
        Identity of what read them.
    parts
        What it is made of: reader, rules, cutting, and what the settings declare.
    records
        How many there are.
    """

    fingerprint: str
    parts: Mapping[str, str | int]
    records: int


def fingerprint_of(parts: Mapping[str, str | int]) -> str:
    """Return what identifies a preprocessing by its parts.

    Examples
    --------
    >>> fingerprint_of({"reader": "records", "rules": 1})
    'e4cd1835e2f18d29'
    """
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()[:16]


def note_preprocessing(
    connection: Connection, kind: Kind, first: int, last: int, parts: Mapping[str, str | int]
) -> None:
    """Note what read the records of a stretch; the last stretch grows where it is the same."""
    fingerprint = fingerprint_of(parts)
    newest = select(func.max(preprocessings.c.first)).where(preprocessings.c.kind == kind)
    place = preprocessings.c.first == newest.scalar_subquery()
    held = connection.execute(select(preprocessings).where(place)).first()
    if held is not None and held.fingerprint == fingerprint:
        same = preprocessings.c.first == held.first
        connection.execute(update(preprocessings).where(same).values(last=last))
        return
    row = {"first": first, "last": last, "kind": kind, "fingerprint": fingerprint}
    told = json.dumps(dict(parts), sort_keys=True)
    connection.execute(insert(preprocessings).values(**row, parts=told))


def ways_read(connection: Connection, kind: Kind) -> list[Mapping[str, str | int]]:
    """Return what read the records of a kind, each way once, as far as it was noted."""
    chosen = select(preprocessings.c.parts).where(preprocessings.c.kind == kind).distinct()
    return [json.loads(parts) for parts in connection.scalars(chosen)]


class PreprocessingLog:
    """The part of the store that knows what read the records."""

    _database: Database

    def read_alike(
        self, kind: Kind, *, after: int = 0, until: int, latest: int | None = None
    ) -> list[ReadAlike]:
        """Return how many records of a stretch were read by what; those of unknown are left out.

        Parameters
        ----------
        kind
            "traffic", which includes the queries of a served log, "pair" or "document".
        after, until
            Behind the first number of the sequence, up to the second. Behind no number, records
            of the past count wherever they are: they are never recent.
        latest
            Only so many of the newest; None: all.

        Examples
        --------
        >>> from pipeline.store import Record, Store, Traffic
        >>> with Store.open("sqlite://") as store:
        ...     for rules in (1, 1, 2):
        ...         with store.arriving("traffic", "recent", "") as arrivals:
        ...             arrivals.read_by = {"reader": "records", "rules": rules}
        ...             _ = arrivals.add([Record(Traffic("where is my card"))])
        ...     found = store.read_alike("traffic", until=3)
        ...     [(each.parts["rules"], each.records) for each in found]
        [(1, 2), (2, 1)]
        """
        table, kinds = _TABLES[kind], _KINDS[kind]
        within = (table.c.sequence > after) & (table.c.sequence <= until)
        if after:
            within &= table.c.role == "recent"
        else:
            within |= table.c.role != "recent"
        found: dict[str, ReadAlike] = {}
        with self._database.reading() as connection:
            if latest is not None:
                newest_first = select(table.c.sequence).where(within)
                newest_first = newest_first.order_by(table.c.sequence.desc())
                oldest = connection.scalar(newest_first.limit(1).offset(latest - 1))
                within &= table.c.sequence >= (oldest or 0)
            stretches = select(preprocessings).where(preprocessings.c.kind.in_(kinds))
            for row in connection.execute(stretches.order_by(preprocessings.c.first)).all():
                inside = table.c.sequence.between(row.first, row.last) & within
                count = connection.scalar(select(func.count()).select_from(table).where(inside))
                if count:
                    before = found.get(row.fingerprint)
                    found[row.fingerprint] = ReadAlike(
                        row.fingerprint,
                        json.loads(row.parts),
                        int(count) + (before.records if before else 0),
                    )
        return list(found.values())
