"""Tombstones: keyed digests of erased records, which stay out when their files are read again."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from sqlalchemy import Connection, Table, insert, select

from pipeline.store.records import Fault, Kind, Record, Traffic
from pipeline.store.rows import chunks, digest_of
from pipeline.store.tables import KIND_OF, quarantine, tombstone_key, tombstones
from training.pairs import Pair, normalised
from training.unlabelled import Document, ServedQuery


@dataclass(frozen=True)
class Tombstones:
    """The tombstones of one store, asked for inside of one transaction.

    The digests are keyed: without the secret in the same store nobody can try out which records
    they stand for.
    """

    connection: Connection
    key: bytes
    any: bool

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Read the key, and whether anything was erased."""
        key = str(connection.scalar(select(tombstone_key.c.key)) or "")
        first = connection.scalar(select(tombstones.c.digest).limit(1))
        return cls(connection, bytes.fromhex(key), first is not None)

    def without_erased(self, kind: Kind, records: Sequence[Record]) -> tuple[Sequence[Record], int]:
        """Return the records without those that were erased, and how many these were."""
        if not self.any:
            return records, 0
        signs = [self._signs_of(kind, record) for record in records]
        held = self._held([sign for of in signs for each in of for sign in each])
        left = []
        for record, of in zip(records, signs, strict=True):
            stays = [not held & {*each} for each in of]
            if any(stays):
                left.append(record if all(stays) else _only(record, stays))
        return left, len(records) - len(left)

    def without_refused(self, kind: Kind, faults: Sequence[Fault]) -> tuple[Sequence[Fault], int]:
        """Return the faults without those whose texts were erased, and how many these were."""
        if not self.any or not faults:
            return faults, 0
        signs = [self._sign("quarantine", kind, each.reason) for each in faults]
        held = self._held(signs)
        left = [each for each, sign in zip(faults, signs, strict=True) if sign not in held]
        return left, len(faults) - len(left)

    def raise_for(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep what shall never come back; rows of the quarantine are known by their reasons."""
        signs: set[str] = set()
        for row in rows:
            if table is quarantine:
                signs.add(self._sign("quarantine", row["kind"], row["reason"]))
            else:
                signs |= {self._sign(*parts) for parts in _identities(KIND_OF[table], row)}
        fresh = sorted(signs - self._held(sorted(signs)))
        for some in chunks(fresh):
            self.connection.execute(insert(tombstones), [{"digest": each} for each in some])

    def _signs_of(self, kind: Kind, record: Record) -> list[list[str]]:
        """Return the signs of each content of a record, also in its other forms."""
        forms = [[*_contents(each)] for each in (record, *record.forms)]
        return [
            [sign for each in same for sign in self._signs(kind, *each)]
            for same in zip(*forms, strict=True)
        ]

    def _signs(self, kind: Kind, content: Any, key: str) -> list[str]:
        row = {name: getattr(content, name) for name in content.__dataclass_fields__}
        if isinstance(content, Pair) and key:
            row["digest"] = digest_of("by id", content.query, key)
        return [self._sign(*parts) for parts in _identities(kind, row)]

    def _held(self, signs: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for some in chunks(signs):
            chosen = select(tombstones.c.digest).where(tombstones.c.digest.in_(some))
            found.update(map(str, self.connection.scalars(chosen)))
        return found

    def _sign(self, *parts: str) -> str:
        content = json.dumps(parts).encode()
        return hashlib.blake2b(content, key=self.key, digest_size=16).hexdigest()


def _contents(record: Record) -> Iterator[tuple[Pair | Traffic | Document | ServedQuery, str]]:
    """Yield what a record holds, each with the key by which the store may know it."""
    contents = (record.content, *record.more)
    yield from zip(contents, record.keys or ("",) * len(contents), strict=True)


def _only(record: Record, stays: Sequence[bool]) -> Record:
    """Return a record of several pairs with some of them."""
    left = [each for each, kept in zip(_contents(record), stays, strict=True) if kept]
    first, *more = (content for content, _ in left)
    keys = tuple(key for _, key in left) if record.keys else ()
    pairs_left = tuple(each for each in more if isinstance(each, Pair))
    return replace(record, content=first, more=pairs_left, keys=keys)


def _identities(kind: str, row: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield by what a record is known again: not by its file, which may be renamed.

    A text without id and time is known by itself alone: rather one text too many stays out.
    """
    if kind == "pair":
        texts = (normalised(row[name]) for name in ("query", "positive", "negative"))
        yield (kind, *texts)
        if row.get("digest"):
            yield f"{kind} by id", row["digest"]
    elif kind == "document":
        # One without an id has a digest in its place, in the store.
        content = row["title"], row["text"], row["url"], row["source"]
        yield kind, row["id"] or digest_of(*content), row["title"], row["text"]
    else:
        text = normalised(row["text" if kind == "traffic" else "query"])
        moment = "" if row["timestamp"] is None else repr(float(row["timestamp"]))
        yield kind, row["id"], text, moment
