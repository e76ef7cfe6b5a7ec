"""Records on their way into the store: recognised by identity, numbered, or quarantined."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, select, update

from pipeline.store.documents import (
    Reading,
    document_digest,
    known_ids,
    named,
    some_ids,
    take_documents,
    withdraw_unseen,
)
from pipeline.store.preprocessings import ways_read
from pipeline.store.records import (
    Added,
    Fault,
    FileProgress,
    Kind,
    Record,
    Role,
    Traffic,
)
from pipeline.store.refusals import forgive, refused_lines
from pipeline.store.rows import chunks, digest_of, held_digests, insert_numbered, next_numbers
from pipeline.store.served import (
    add_later,
    add_to_known,
    amend_lines,
    lines_named,
    served_digest,
    take_served,
)
from pipeline.store.tables import discarded, documents, pairs, quarantine, served, traffic
from pipeline.store.tombstones import Tombstones
from training.pairs import Pair
from training.unlabelled import Document, ServedQuery


@dataclass
class Arrivals:
    """Records of one file on their way into the store: all are kept at the end, or none."""

    kind: Kind
    role: Role
    progress: FileProgress
    """Stored with the rows; set it to how far the file was read."""
    connection: Connection
    earlier: Added = field(default_factory=Added)
    """What the same file brought before."""
    unended: int = 0
    """Line of a record that had no line end when the file was read before; it may have been cut."""
    goes_on: bool = False
    """Whether reading continues where it ended before: what the file brought then still stands."""
    alone: bool = False
    """Whether documents of this file may not replace those of another one."""
    replaced: "Counter[str]" = field(default_factory=Counter)
    """Other file -> documents of it whose newest version is now of this file."""
    total: Added = field(default_factory=Added)
    first_fault: Fault | None = None
    became: Mapping[str, int] = field(default_factory=dict)
    """What else was counted in this reading of the file, by name."""
    read_by: Mapping[str, str | int] = field(default_factory=dict)
    """What made texts of the records: reader, rules, cutting; empty where that is unknown."""

    def add(self, records: Sequence[Record], faults: Sequence[Fault] = ()) -> Added:
        """Insert what is new and return what became of these records and faults."""
        records, held_back = self._tombstones.without_erased(self.kind, records)
        faults, refused = self._tombstones.without_refused(self.kind, faults)
        records, known = self._without_known_forms(records)
        added, bad = Added(known=known, erased=held_back + refused), list(faults)
        for part in chunks(records):
            taken, conflicts = self._take(part)
            bad += conflicts
            added += taken
        bad.sort(key=lambda fault: fault.line)
        for some in chunks(bad):
            added += self._put_away(some)
        self.total += added
        return added

    def positives_of(self, queries: Sequence[str]) -> dict[str, list[str]]:
        """Return query -> the stored positives of exactly this text, oldest first."""
        found: dict[str, list[str]] = {}
        for some in chunks(queries):
            chosen = select(pairs.c.query, pairs.c.positive).where(pairs.c.query.in_(some))
            for row in self.connection.execute(chosen.order_by(pairs.c.sequence)):
                found.setdefault(row.query, []).append(row.positive)
        return found

    def documents_named(self, ids: Sequence[str]) -> dict[str, Document]:
        """Return id -> document for those of the ids that are documents now."""
        return named(self.connection, ids)

    def some_ids(self, limit: int) -> list[str]:
        """Return ids of documents, at most as many as the limit."""
        return some_ids(self.connection, limit)

    def withdraw_unseen(self) -> int:
        """Withdraw the documents of the file that were not among those added; return how many."""
        return withdraw_unseen(self.connection, self._reading)

    def refused_lines(self, reason: str) -> set[int]:
        """Return the lines of the file in quarantine whose reasons contain a text."""
        place = (self.kind, self.role, self.progress.file)
        return refused_lines(self.connection, *place, reason)

    def forgive(self, lines: Collection[int], reason: str) -> None:
        """Take lines of the file out of quarantine that are there for such a reason."""
        forgive(self.connection, self.kind, self.role, self.progress.file, reason, lines)

    def known_documents(self, ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are documents now."""
        return known_ids(self.connection, ids)

    def served_named(self, ids: Sequence[str]) -> dict[str, ServedQuery]:
        """Return id -> its newest served line, for the ids that lines have."""
        return lines_named(self.connection, ids)

    def amend(self, lines: Mapping[str, ServedQuery]) -> None:
        """Give the newest line of each id the results, clicks and feedback of another one."""
        amend_lines(self.connection, lines)

    def add_later(
        self, id: str, clicked: Sequence[str], feedback: Mapping[str, int], answer: str
    ) -> bool:
        """Add to the newest line of an id what came later; return whether it changed."""
        return add_later(self.connection, id, clicked, feedback.items(), answer)

    def ways_read(self) -> list[Mapping[str, str | int]]:
        """Return what read the stored records of this kind, as it was noted."""
        return ways_read(self.connection, self.kind)

    def _without_known_forms(self, records: Sequence[Record]) -> tuple[Sequence[Record], int]:
        """Return the records without those that are stored in another form, and how many.

        What is stored stays as it is: settings of today do not change what was taken in before. A
        document with an id is another matter: it gets a new version.
        """
        forms = [(record, form) for record in records for form in record.forms]
        if self.kind == "document":
            forms = [each for each in forms if not each[1].content.id]
        elif self.kind != "pair" and not self.progress.file:
            # Without a file each text counts, and is no repetition of another one.
            forms = [each for each in forms if each[1].content.id]
        if not forms:
            return records, 0
        signs = [self._signs(form) for _, form in forms]
        table = {"pair": pairs, "document": documents, "traffic": traffic, "served": served}
        asked = [sign for each in signs for sign in each]
        held = {
            sign
            for some in chunks(asked)
            for sign in held_digests(self.connection, table[self.kind], some)
        }
        known = [each for each, sign in zip(forms, signs, strict=True) if held >= {*sign}]
        if self.kind == "served":
            lines = [
                (served_digest(form, self.progress.file), form.content)
                for _, form in known
                if isinstance(form.content, ServedQuery)
            ]
            add_to_known(self.connection, lines)
        numbers = {id(record) for record, _ in known}
        return [each for each in records if id(each) not in numbers], len(numbers)

    def _signs(self, record: Record) -> list[str]:
        """Return the digests of the rows that a record would be stored as."""
        match self.kind:
            case "pair":
                return [row["digest"] for row in _pair_rows(record, self.progress.file, self.role)]
            case "document":
                return [document_digest(record)]
            case "traffic":
                row = _traffic_row(record, self.progress.file, self.role, unplaced=0)
                return [str(row["digest"])]
            case "served":
                return [served_digest(record, self.progress.file)]

    def _take(self, records: Sequence[Record]) -> tuple[Added, list[Fault]]:
        match self.kind:
            case "pair":
                return self._take_pairs(records)
            case "traffic":
                return self._take_traffic(records), []
            case "document":
                added, faults, replaced = take_documents(self.connection, records, self._reading)
                self.replaced += replaced
                return added, faults
            case "served":
                return take_served(self.connection, records, self.progress.file, self.role), []

    @cached_property
    def _tombstones(self) -> Tombstones:
        return Tombstones.of(self.connection)

    @cached_property
    def _reading(self) -> Reading:
        number = next_numbers(self.connection, "reading", 1)
        return Reading(self.progress.file, self.role, number, self.goes_on, self.alone)

    def _take_pairs(self, records: Sequence[Record]) -> tuple[Added, list[Fault]]:
        file = self.progress.file
        rows_of = [_pair_rows(record, file, self.role) for record in records]
        whole = self._whole_now(pairs, [row for rows in rows_of for row in rows])
        held = self._held_pairs([row["id"] for rows in rows_of for row in rows])
        fresh, conflicts, stored, known, redacted = [], [], 0, 0, 0
        for record, rows in zip(records, rows_of, strict=True):
            firsts = [held.get(row["id"]) for row in rows]
            other = [
                (row["id"], first)
                for row, first in zip(rows, firsts, strict=True)
                if first is not None and first[0] != row["digest"]
            ]
            if record.fault and None in firsts:
                conflicts.append(Fault(file, record.line, record.fault))
                continue
            if other:
                conflicts.append(Fault(file, record.line, _conflict(*other[0])))
                continue
            new = [row for row, first in zip(rows, firsts, strict=True) if first is None]
            is_new = bool(new) and not (whole and record.line == whole)
            held.update({row["id"]: (row["digest"], file, row["line"]) for row in new})
            fresh += new
            stored, known = stored + is_new, known + (not is_new)
            redacted += is_new and record.redacted
        insert_numbered(self.connection, pairs, fresh)
        same = [
            row["id"]
            for rows in rows_of
            for row in rows
            if held.get(row["id"], ("",))[0] == row["digest"]
        ]
        self._is_past(pairs, pairs.c.id, same)
        return Added(stored=stored, known=known, redacted=redacted), conflicts

    def _held_pairs(self, ids: Sequence[str]) -> dict[str, tuple[str, str, int]]:
        """Return id -> (digest, file, line) of the stored pairs of these ids."""
        held = {}
        columns = (pairs.c.id, pairs.c.digest, pairs.c.file, pairs.c.line)
        for some in chunks(ids):
            chosen = select(*columns).where(pairs.c.id.in_(some))
            for row in self.connection.execute(chosen):
                held[row.id] = (row.digest, row.file, row.line)
        return held

    def _take_traffic(self, records: Sequence[Record]) -> Added:
        file = self.progress.file
        first = 0 if file else next_numbers(self.connection, "unplaced", len(records))
        rows = [
            _traffic_row(record, file, self.role, unplaced=first + index)
            for index, record in enumerate(records)
        ]
        held = held_digests(self.connection, traffic, [row["digest"] for row in rows])
        fresh, redacted = [], 0
        for row, record in zip(rows, records, strict=True):
            if row["digest"] not in held:
                held.add(row["digest"])
                fresh.append(row)
                redacted += record.redacted
        stored = len(fresh) - bool(self._whole_now(traffic, fresh))
        insert_numbered(self.connection, traffic, fresh)
        self._is_past(traffic, traffic.c.digest, [row["digest"] for row in rows])
        return Added(stored=stored, known=len(rows) - stored, redacted=redacted)

    def _is_past(self, table: Table, name: "Column[str]", names: Sequence[str]) -> None:
        """Make records of the past what arrived as recent before somebody named its file so."""
        if self.role == "recent":
            return
        for some in chunks(names):
            found = name.in_(some) & (table.c.role == "recent")
            self.connection.execute(update(table).where(found).values(role=self.role))

    def _whole_now(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
        """Delete what was stored of a record before it was whole; return its line, or 0.

        A writer may have been halfway through the last row when the file was read before.
        """
        now = [row for row in rows if row["line"] == self.unended]
        if not self.unended or not now:
            return 0
        place = (table.c.file == self.progress.file) & (table.c.role == self.role)
        chosen = select(table).where(place & (table.c.line == self.unended))
        before = [dict(row) for row in self.connection.execute(chosen).mappings()]
        self_same = {row["digest"] for row in before} & {row["digest"] for row in now}
        if not before or self_same or not all(_continued(row, now[0]) for row in before):
            return 0
        gone = [row["sequence"] for row in before]
        self.connection.execute(delete(table).where(table.c.sequence.in_(gone)))
        self.connection.execute(delete(discarded).where(discarded.c.sequence.in_(gone)))
        return self.unended

    def _put_away(self, faults: Sequence[Fault]) -> Added:
        rows: list[dict[str, Any]] = []
        for fault in faults:
            place = (self.kind, self.role, fault.file, str(fault.line), fault.reason)
            rows.append(
                {
                    "digest": digest_of(*place),
                    "kind": self.kind,
                    "role": self.role,
                    "file": fault.file,
                    "line": fault.line,
                    "reason": fault.reason,
                }
            )
        held = held_digests(self.connection, quarantine, [row["digest"] for row in rows])
        fresh = []
        for fault, row in zip(faults, rows, strict=True):
            if row["digest"] not in held:
                held.add(row["digest"])
                fresh.append(row)
                self.first_fault = self.first_fault or fault
        insert_numbered(self.connection, quarantine, fresh)
        return Added(known=len(rows) - len(fresh), quarantined=len(fresh))


def pair_digest(pair: Pair) -> str:
    """Return the identity of a pair by content: query, positive and negative, as they are."""
    return digest_of(pair.query, pair.positive, pair.negative)


def _conflict(id: str, first: tuple[str, str, int]) -> str:
    place = f"{Fault(first[1], first[2], '')}".removesuffix(": ")
    return (
        f"id {id[:60]!r} is the id of another pair already (first seen in {place}); each id must "
        "name one pair; leave it out where there is none"
    )


def _pair_rows(record: Record, file: str, role: Role) -> list[dict[str, Any]]:
    """Return the rows of a record, each once."""
    rows: dict[str, dict[str, Any]] = {}
    contents = (record.content, *record.more)
    for pair, key in zip(contents, record.keys or ("",) * len(contents), strict=True):
        if not isinstance(pair, Pair):
            raise TypeError(f"a record of kind 'pair' must hold a Pair, got {type(pair).__name__}")
        digest = digest_of("by id", pair.query, key) if key else pair_digest(pair)
        rows[digest] = {
            **vars(pair),
            "id": pair.id or digest,
            "digest": digest,
            "role": role,
            "file": file,
            "line": record.line,
        }
    return list(rows.values())


def _traffic_row(record: Record, file: str, role: Role, unplaced: int) -> dict[str, Any]:
    seen = record.content
    if not isinstance(seen, Traffic):
        raise TypeError(f"a record of kind 'traffic' must hold Traffic, got {type(seen).__name__}")
    moment = repr(seen.timestamp)
    if seen.id:
        identity = digest_of("id", seen.id, seen.text, moment)
    else:
        place = (file, str(record.line)) if file else ("", str(unplaced))
        identity = digest_of("place", *place, seen.text, moment)
    return {
        "digest": identity,
        "role": role,
        "id": seen.id,
        "text": seen.text,
        "source": seen.source,
        "timestamp": seen.timestamp,
        "session": seen.session,
        "user": seen.user,
        "file": file,
        "line": record.line,
    }


def _continued(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether each text of a row begins with what it was before."""
    names = ("query", "positive", "negative", "text", "source", "session", "user", "group")
    return all(now[name].startswith(before[name]) for name in names if name in now)
