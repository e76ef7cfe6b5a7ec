"""Documents in the store: every version of each id, the newest of which counts."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, update

from pipeline.store.database import Database
from pipeline.store.discards import kept, within
from pipeline.store.records import Added, Fault, Record, Role
from pipeline.store.rows import chunks, digest_of, insert_numbered
from pipeline.store.tables import documents
from training.unlabelled import Document

_FEW = 16
"""Numbers of the sequence that are tried per document of a sample; chosen, not measured."""

_COLUMNS = [documents.c[name] for name in ("id", "text", "title", "url", "source", "timestamp")]

is_withdrawn = (documents.c.text == "") & (documents.c.title == "")
"""The condition that a row says that its document is no longer there."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a file of documents.

    Attributes
    ----------
    file, role
        The file as the store names it, and the role of its documents.
    number
        Number of the reading.
    goes_on
        Whether it begins where an earlier one of the same file ended, whose rows still stand.
    alone
        Whether its documents may not replace those of other files.
    """

    file: str
    role: Role
    number: int
    goes_on: bool = False
    alone: bool = False


def take_documents(
    connection: Connection, records: Sequence[Record], reading: Reading
) -> tuple[Added, list[Fault], "Counter[str]"]:
    """Store new documents and new versions.

    Returns
    -------
    tuple
        What became of the records, a fault for each that contradicts another row, and of which
        other files documents were replaced.
    """
    rows = [_row(record, reading) for record in records]
    newest = newest_rows(connection, [row["id"] for row in rows])
    fresh: list[dict[str, Any]] = []
    seen_again: dict[int, dict[str, Any]] = {}
    faults: list[Fault] = []
    replaced: Counter[str] = Counter()
    redacted = 0
    for row, record in zip(rows, records, strict=True):
        before = newest.get(row["id"])
        if before is not None and before["digest"] == row["digest"]:
            same_file = before["file"] == reading.file
            if before["reading"] != reading.number and (same_file or not reading.alone):
                seen_again[before["sequence"]] = row
                newest[row["id"]] = {**row, "sequence": before["sequence"]}
            continue
        if before is not None and _contradicts(before, reading):
            faults.append(Fault(reading.file, row["line"], _conflict(row["id"], before, reading)))
            continue
        if before is not None and before["file"] != reading.file:
            replaced[before["file"]] += 1
        fresh.append(row)
        redacted += record.redacted
        newest[row["id"]] = row
    _mark(connection, seen_again)
    insert_numbered(connection, documents, fresh)
    known = len(rows) - len(fresh) - len(faults)
    return Added(stored=len(fresh), known=known, redacted=redacted), faults, replaced


def _contradicts(before: Mapping[str, Any], reading: Reading) -> bool:
    """Say whether the row of a newest version still stands, so that no other may replace it."""
    if before["file"] == reading.file:
        return reading.goes_on or bool(before["reading"] == reading.number)
    return reading.alone and not _gone(before)


def withdraw_unseen(connection: Connection, reading: Reading) -> int:
    """Withdraw the documents of a file that this reading did not meet; return how many."""
    chosen = select(documents.c.id, documents.c.sequence).where(
        documents.c.file == reading.file, documents.c.reading != reading.number, ~is_withdrawn
    )
    earlier = {row.sequence: row.id for row in connection.execute(chosen)}
    newest = newest_rows(connection, list(earlier.values()))
    left = [row for row in newest.values() if row["sequence"] in earlier]
    empty = Document("", "")
    rows = [_row(Record(replace(empty, id=row["id"])), reading) for row in left]
    insert_numbered(connection, documents, rows)
    return len(rows)


def some_ids(connection: Connection, limit: int) -> list[str]:
    """Return ids of documents, at most as many as the limit."""
    chosen = select(documents.c.id).where(~is_withdrawn).order_by(documents.c.sequence.desc())
    return [str(id) for id in connection.scalars(chosen.limit(limit))]


def newest_rows(connection: Connection, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return id -> the row of its newest version, discarded ones included."""
    found: dict[str, Mapping[str, Any]] = {}
    for some in chunks(list(dict.fromkeys(ids))):
        chosen = select(documents).where(_is_newest(documents.c.id.in_(some)))
        found.update((row["id"], dict(row)) for row in connection.execute(chosen).mappings())
    return found


class Documents:
    """The part of the store that returns documents, each as its newest version that is kept."""

    _database: Database

    def documents(self, until: int | None = None) -> list[Document]:
        """Return the newest version of each document, in the order of their arrival."""
        return list(self.each_document(until))

    def each_document(self, until: int | None = None) -> Iterator[Document]:
        """Yield what `documents` returns, without holding all of it."""
        with self._database.reading() as connection:
            rows = connection.execute(_newest(until).execution_options(yield_per=1_000))
            for row in rows:
                yield Document(*row)

    def sample_documents(self, count: int, until: int | None = None) -> list[Document]:
        """Return so many documents, drawn by chance; the same ones up to the same `until`.

        Examples
        --------
        >>> from pipeline.store import Record, Store
        >>> with Store.open("sqlite://") as store:
        ...     texts = [Record(Document(str(row), f"text {row}")) for row in range(50)]
        ...     _ = store.add("document", "recent", texts)
        ...     len(store.sample_documents(20)), len(store.sample_documents(100))
        (20, 50)
        """
        ordered = _newest(until).order_by(None).order_by(documents.c.digest, documents.c.sequence)
        with self._database.reading() as connection:
            found = _drawn(connection, count, until)
            if len(found) < count:
                found = [Document(*row) for row in connection.execute(ordered.limit(count))]
        return found[:count]

    def some_documents(
        self, most: int, ids: Sequence[str] = (), until: int | None = None
    ) -> list[Document]:
        """Return all documents or, of more than `most`, those with the ids and a sample."""
        if self.count_documents(until) <= most:
            return self.documents(until)
        with self._database.reading() as connection:
            found = named(connection, ids, until)
        for each in self.sample_documents(most, until):
            if len(found) >= most:
                break
            found.setdefault(each.id, each)
        return list(found.values())

    def documents_new(self, after: int, until: int) -> list[Document]:
        """Return the documents of a part of the sequence whose ids were not there before it."""
        before = select(documents.c.id).where(*within(documents, None, 0, after))
        chosen = _newest(until).where(documents.c.id.not_in(before))
        with self._database.reading() as connection:
            return [Document(*row) for row in connection.execute(chosen)]

    def documents_named(self, ids: Sequence[str]) -> dict[str, Document]:
        """Return id -> document for those of the ids that are documents now."""
        with self._database.reading() as connection:
            return named(connection, ids)

    def some_ids(self, limit: int) -> list[str]:
        """Return ids of documents, at most as many as the limit."""
        with self._database.reading() as connection:
            return some_ids(connection, limit)

    def last_document(self) -> int:
        """Return the sequence number of the newest version of any document; 0 without one."""
        with self._database.reading() as connection:
            return int(connection.scalar(select(func.max(documents.c.sequence))) or 0)

    def documents_changed(self, after: int) -> int:
        """Return how many ids got a new version, or were withdrawn, after a sequence number."""
        chosen = select(func.count(documents.c.id.distinct())).where(documents.c.sequence > after)
        with self._database.reading() as connection:
            return int(connection.scalar(chosen) or 0)

    def count_documents(self, until: int | None = None) -> int:
        """Return the number of documents, each counted once."""
        chosen = select(func.count()).select_from(_newest(until).subquery())
        with self._database.reading() as connection:
            return int(connection.scalar(chosen) or 0)


def named(
    connection: Connection, ids: Sequence[str], until: int | None = None
) -> dict[str, Document]:
    """Return id -> document for those of the ids that are documents now, or were up to `until`."""
    found = {}
    for some in chunks(list(dict.fromkeys(ids))):
        for row in connection.execute(_newest(until, documents.c.id.in_(some))):
            found[row.id] = Document(*row)
    return found


def known_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that are documents now."""
    found: set[str] = set()
    for some in chunks(list(dict.fromkeys(ids))):
        chosen = _newest(None, documents.c.id.in_(some)).with_only_columns(documents.c.id)
        found.update(str(id) for id in connection.scalars(chosen))
    return found


def _newest(until: int | None, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the newest kept version of each document that was not withdrawn since."""
    newest = _is_newest(*within(documents, None, 0, until), *conditions)
    return select(*_COLUMNS).where(newest, ~is_withdrawn).order_by(documents.c.sequence)


def _scattered(first: int, last: int) -> Iterator[int]:
    """Yield each number of a range once, spread over all of it from the beginning on."""
    size = last - first + 1
    # Multiples of the golden ratio lie evenly, however many there are.
    step = max(1, int(size * 0.618))
    while math.gcd(step, size) > 1:
        step += 1
    return (first + place * step % size for place in range(size))


def _drawn(connection: Connection, count: int, until: int | None) -> list[Document]:
    """Return documents of numbers scattered over the sequence; none where there are few."""
    ends = select(func.min(documents.c.sequence), func.max(documents.c.sequence))
    if until is not None:
        ends = ends.where(documents.c.sequence <= until)
    first, last = connection.execute(ends).one()
    if first is None or last - first < _FEW * count:
        return []
    # Of many, some numbers are tried: to order all would take minutes.
    tried = itertools.islice(_scattered(first, last), _FEW * count)
    found: list[Document] = []
    while len(found) < count and (some := list(itertools.islice(tried, count))):
        for part in chunks(some):
            found += _standing(connection, part, until)
    return found


def _standing(connection: Connection, numbers: Sequence[int], until: int | None) -> list[Document]:
    """Return the documents whose newest kept version has one of the numbers, in their order."""
    later = documents.alias()
    newer = select(later.c.sequence).where(
        later.c.id == documents.c.id, later.c.sequence > documents.c.sequence, kept(later)
    )
    if until is not None:
        newer = newer.where(later.c.sequence <= until)
    stands = [documents.c.sequence.in_(numbers), kept(documents), ~is_withdrawn, ~newer.exists()]
    rows = connection.execute(select(documents.c.sequence, *_COLUMNS).where(*stands))
    found = {row.sequence: Document(*row[1:]) for row in rows}
    # In order of age, a part of them would be the oldest.
    return [found[number] for number in numbers if number in found]


def _is_newest(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    last = select(func.max(documents.c.sequence)).where(*conditions).group_by(documents.c.id)
    return documents.c.sequence.in_(last)


def document_digest(record: Record) -> str:
    """Return the identity of a document by content.

    When it was written is no content: an export may stamp all of its rows anew.
    """
    document = _document(record)
    return digest_of(document.title, document.text, document.url, document.source)


def _document(record: Record) -> Document:
    if not isinstance(record.content, Document):
        kind = type(record.content).__name__
        raise TypeError(f"a record of kind 'document' must hold a Document, got {kind}")
    return record.content


def _row(record: Record, reading: Reading) -> dict[str, Any]:
    document, digest = _document(record), document_digest(record)
    return {
        "id": document.id or digest,
        "digest": digest,
        "role": reading.role,
        "title": document.title,
        "text": document.text,
        "url": document.url,
        "source": document.source,
        "timestamp": document.timestamp,
        "file": reading.file,
        "line": record.line,
        "reading": reading.number,
    }


def _mark(connection: Connection, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Note for documents that did not change where they stand now."""
    if not rows:
        return
    changed = update(documents).where(documents.c.sequence == bindparam("of"))
    names: tuple[Literal["file", "line", "reading"], ...] = ("file", "line", "reading")
    connection.execute(
        changed.values({name: bindparam(f"new_{name}") for name in names}),
        [
            {"of": sequence, **{f"new_{name}": row[name] for name in names}}
            for sequence, row in rows.items()
        ],
    )


def _gone(row: Mapping[str, Any]) -> bool:
    return not row["text"] and not row["title"]


def _conflict(id: str, first: Mapping[str, Any], reading: Reading) -> str:
    place = f"{Fault(first['file'], first['line'], '')}".removesuffix(": ")
    told = f"id {id[:60]!r} is the id of another document already (in {place}); "
    if first["file"] == reading.file:
        return told + "in one file each id may name one document"
    return told + "name the folder that holds both in data.corpus"
