"""Ids of documents in pairs: which values are ids, and the texts that they name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from pipeline.intake.bad_record import BadRecord, kind_of, shortened
from pipeline.store import Record
from training.pairs import Pair
from training.unlabelled import Document

_LONGEST_ID = 500
_SAMPLE = 20_000
"""Ids of documents whose form is known; a form that only rarer ones have is taken for text."""
_ORDINARY = re.compile(r"[^\W\d_]+(?:[ \-'][^\W\d_]+)*|\d{1,7}(?:[.,]\d+)?")
"""Words and short numbers: they may be a text as well as an id."""
_PART = re.compile(r"[\w.\-]+")
_FOLDERS = re.compile(r"(?:[a9w]/)+")
_LIKE_AN_ID = re.compile(r"(?=\S*\d)\S{1,100}")

UNKNOWN = "data.corpus"
"""Part of every reason that says that a document is unknown."""

Side = Literal["positive", "negative"]
_SIDES: tuple[Side, ...] = ("positive", "negative")
_UNKNOWN = Document("", "")


class DocumentId(str):
    """A value that can only be the id of a document, as its column or its type says."""

    __slots__ = ()


class Lookup(Protocol):
    """Where documents are found: the store, or records on their way into it."""

    def documents_named(self, ids: Sequence[str]) -> dict[str, Document]:
        """Return id -> document for those of the ids that are documents."""

    def some_ids(self, limit: int) -> list[str]:
        """Return ids of documents, at most as many as the limit."""


@dataclass
class _Seen:
    """What the values of one column of a file were so far."""

    texts: int = 0
    ids: int = 0
    joined: int = 0
    kept_as_text: int = 0
    like_ids: int = 0
    first: str = ""


@dataclass
class DocumentIds:
    """The ids in the pairs of one file.

    A value is an id if its column (`positive_id`, `doc_id`) or its type says so. In a column of
    texts it is one if it is the id of a document or has the form of one; a word or a short number
    is one only if the column does not hold more texts than ids.

    Parameters
    ----------
    lookup
        Where documents are found.

    Examples
    --------
    >>> class Two:
    ...     def documents_named(self, ids):
    ...         return {"d1": Document("d1", "Block it.", "Cards")} if "d1" in ids else {}
    ...     def some_ids(self, limit):
    ...         return ["d1", "d2"]
    >>> ids = DocumentIds(Two())
    >>> lost, other = Pair("", "lost card", "d1"), Pair("", "new card", "x9")
    >>> found, unknown = ids.join([Record(lost, 1), Record(other, 2)])
    >>> found.content.positive, unknown.fault
    ('Cards Block it.', "positive names document 'x9', which data.corpus does not hold")
    """

    lookup: Lookup
    still_unknown: set[int] = field(default_factory=set)
    """Lines that were refused in this reading."""
    _forms: set[str] | None = None
    _columns: Mapping[Side, _Seen] = field(
        default_factory=lambda: {"positive": _Seen(), "negative": _Seen()}
    )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was noticed about the values of each column."""
        told = []
        for side, seen in self._columns.items():
            if seen.joined:
                told.append(f"names documents in {seen.joined} {side}s, joined with their texts")
            if seen.kept_as_text:
                told.append(
                    f"holds {seen.kept_as_text} {side}s that are texts and ids of documents alike "
                    f"(the first: {shortened(seen.first)}); they count as texts, like most of the "
                    "column"
                )
            if not self._forms and seen.like_ids > 0.9 * (seen.texts + seen.like_ids):
                told.append(
                    f"holds {side}s that look like ids of documents (the first: "
                    f"{shortened(seen.first)}) and are taken for texts; name the documents in "
                    "data.corpus before this file is read"
                )
        return tuple(told)

    def join(self, records: Sequence[Record]) -> list[Record]:
        """Return the records with the texts of their documents.

        One that names an unknown document gets this as its fault: it is good for nothing, unless
        it was stored when the document was known.
        """
        if self._forms is None:
            self._forms = {_form(id) for id in self.lookup.some_ids(_SAMPLE)}
        found = self._documents(records)
        if not found and not self._forms and not _certain(records):
            for record in records:
                for pair in _pairs(record):
                    self._note_without_corpus("positive", pair.positive)
                    self._note_without_corpus("negative", pair.negative)
            return list(records)
        for record in records:
            for pair in _pairs(record):
                self._count("positive", pair.positive, found)
                self._count("negative", pair.negative, found)
        return [self._joined(record, found) for record in records]

    def _documents(self, records: Iterable[Record]) -> Mapping[str, Document]:
        named = {
            value: None
            for record in records
            for pair in _pairs(record)
            for value in (pair.positive, pair.negative)
            if 0 < len(value) <= _LONGEST_ID
        }
        return self.lookup.documents_named(list(named)) if self._forms else {}

    def _note_without_corpus(self, side: Side, value: str) -> None:
        if not value:
            return
        seen = self._columns[side]
        if _LIKE_AN_ID.fullmatch(value):
            seen.like_ids += 1
            seen.first = seen.first or value
        else:
            seen.texts += 1

    def _count(self, side: Side, value: str, found: Mapping[str, Document]) -> None:
        seen = self._columns[side]
        if value in found or isinstance(value, DocumentId):
            seen.ids += bool(value)
        elif value and not self._has_form(value):
            seen.texts += 1

    def _joined(self, record: Record, found: Mapping[str, Document]) -> Record:
        pairs, keys, fault = [], [], ""
        for pair in _pairs(record):
            named = [
                self._named("positive", pair.positive, found),
                self._named("negative", pair.negative, found),
            ]
            unknown = [each for each in zip(_SIDES, named, strict=True) if each[1] == _UNKNOWN]
            keys.append("")
            if any(named):
                keys[-1] = f"{len(pair.positive)} {pair.positive} {pair.negative}"
            if unknown:
                side = unknown[0][0]
                fault = fault or self._reason(side, getattr(pair, side))
            elif any(named):
                positive, negative = named
                pair = replace(
                    pair,
                    positive=positive.whole if positive else pair.positive,
                    negative=negative.whole if negative else pair.negative,
                )
            pairs.append(pair)
        if fault:
            self.still_unknown.add(record.line)
        return Record(pairs[0], record.line, tuple(pairs[1:]), tuple(keys), fault)

    def _named(self, side: Side, value: str, found: Mapping[str, Document]) -> Document | None:
        """Return the document that a value names, None if it is a text."""
        if not value:
            return None
        seen = self._columns[side]
        is_id = isinstance(value, DocumentId) or (
            (value in found or self._has_form(value))
            and (not _ORDINARY.fullmatch(value) or seen.ids >= seen.texts)
        )
        if not is_id:
            if value in found:
                seen.kept_as_text += 1
                seen.first = seen.first or value
            return None
        seen.joined += value in found
        return found.get(value, _UNKNOWN)

    def _reason(self, side: Side, value: str) -> str:
        named = f"{side} names document {shortened(str(value))}"
        if not self._forms:
            return f"{named}, but there are no documents; name them in data.corpus"
        return f"{named}, which data.corpus does not hold"

    def _has_form(self, value: str) -> bool:
        """Return whether a value has the form of an id that some document has."""
        return len(value) <= _LONGEST_ID and _form(value) in (self._forms or ())


def _pairs(record: Record) -> list[Pair]:
    return [each for each in (record.content, *record.more) if isinstance(each, Pair)]


def ids_in(values: Mapping[str, object], columns: Sequence[str]) -> list[DocumentId]:
    """Return the ids of several columns, or of lists in them: each once, without empty ones.

    Examples
    --------
    >>> ids_in({"doc_id": 7, "positive_ids": [b"a", "", "a"]}, ["doc_id", "positive_ids"])
    ['7', 'a']
    """
    found: dict[DocumentId, None] = {}
    for column in columns:
        value = values[column]
        for each in value if isinstance(value, list | tuple) else [value]:
            id = _as_id(column, each)
            if id:
                found.setdefault(DocumentId(id))
    return list(found)


def _as_id(column: str, value: object) -> str:
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            raise BadRecord(
                f"{column} holds bytes that are not UTF-8 ({shortened(value)}); files must be "
                "written as UTF-8"
            ) from None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps
    if value is None or isinstance(value, str):
        return (value or "").strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise BadRecord(
        f"{column} is {kind_of(value)} ({shortened(value)}); it must be the id of a document"
    )


def is_number(value: object) -> bool:
    """Return whether a value is a whole number, which no text is, or a list of some."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(is_number, value))
    return isinstance(value, int) and not isinstance(value, bool)


def _certain(records: Iterable[Record]) -> bool:
    return any(
        isinstance(value, DocumentId)
        for record in records
        for pair in _pairs(record)
        for value in (pair.positive, pair.negative)
    )


def _form(id: str) -> str:
    """Return the form of an id: words, numbers, mixed parts, and the signs between them.

    Examples
    --------
    >>> _form("doc-12"), _form("d7"), _form("a/b/c.md"), _form("A lost card"), _form("42")
    ('w', 'w', '/w', 'a a a', '9')
    """
    parts = _PART.sub(lambda part: _kind(part[0]), id)
    return _FOLDERS.sub("/", parts)


def _kind(part: str) -> str:
    if part.isdigit():
        return "9"
    return "a" if part.isalpha() else "w"
