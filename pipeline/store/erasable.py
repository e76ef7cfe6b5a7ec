"""What an erasure concerns: the records that a person names, and the texts that only they hold."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from sqlalchemy import Connection, Table, select

from pipeline.store.rows import digest_of
from pipeline.store.tables import (
    ARRIVALS,
    KIND_OF,
    documents,
    pairs,
    quarantine,
    served,
    traffic,
)
from training.pairs import normalised

ErasedBy = Literal["id", "source", "text"]
"""What an erasure names: an id, a source, or a part of a text."""

ERASED = "[erased]"
"""What stands in the place of a text that was erased."""

_WORD = re.compile(r"\w+")
_TEXTS = {
    pairs: ("query", "positive", "negative"),
    traffic: ("text",),
    documents: ("title", "text"),
    served: ("query", "answer"),
}
_NAMES = {
    pairs: ("id", "group"),
    traffic: ("id", "session", "user"),
    documents: ("id", "url"),
    served: ("id", "session", "user"),
}


@dataclass(frozen=True)
class Place:
    """A line of a file, line 0 for the file as a whole, and what kind of record was read there."""

    kind: str
    file: str
    line: int


@dataclass(frozen=True)
class Erasable:
    """What is erased, written down before the first of it goes.

    Attributes
    ----------
    kind, name
        What a person named.
    also
        How records hold the name out of which something was taken when they arrived.
    rows
        Table -> sequence numbers of its rows; of the quarantine, the numbers of its rows.
    ids
        Table -> ids of its rows, or what stands for one.
    texts
        Texts of the records that no other stored record has.
    words
        Words of these that no other stored record holds.
    places
        Where the records were read.
    cycles
        Cycles whose results quoted them; known once the rows are erased.
    digests
        Digests of learned anchor sets that change; known once the versions were read.
    """

    kind: ErasedBy
    name: str
    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ids: Mapping[str, Sequence[str]] = field(default_factory=dict)
    texts: Sequence[str] = ()
    words: Sequence[str] = ()
    places: Sequence[Place] = ()
    cycles: Sequence[str] = ()
    digests: Sequence[str] = ()
    also: Sequence[str] = ()

    @property
    def needles(self) -> tuple[str, ...]:
        """What a text must contain to be erased, normalised; none where ids or sources count."""
        if self.kind != "text":
            return ()
        return tuple(dict.fromkeys(normalised(each) for each in (self.name, *self.also)))

    @property
    def names(self) -> set[str]:
        """The ids of all kinds of records."""
        return {each for ids in self.ids.values() for each in ids}

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` returned."""
        value = json.loads(text)
        return cls(**{**value, "places": [Place(**each) for each in value["places"]]})


def words_of(text: str) -> list[str]:
    """Return the words of a text, in lower case and in Unicode's NFKC form.

    Examples
    --------
    >>> words_of("Où est ma CARTE?")
    ['où', 'est', 'ma', 'carte']
    """
    return [unicodedata.normalize("NFKC", each).lower() for each in _WORD.findall(text)]


def find(connection: Connection, kind: ErasedBy, name: str, also: Sequence[str] = ()) -> Erasable:
    """Find the records, and which of their texts and words are nobody else's."""
    search = _Search(Erasable(kind, name, also=also))
    for table in ARRIVALS:
        for row in _rows(connection, table):
            search.look(table, row)
    search.follow(connection)
    for row in _rows(connection, quarantine):
        search.look_at_refusal(row)
    for table in ARRIVALS:
        for row in _rows(connection, table):
            if row["sequence"] not in search.rows[table.name]:
                search.keep(table, row)
    return search.result()


def texts_of(table: Table, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a row."""
    for name in _TEXTS[table]:
        if row[name]:
            yield row[name]
    if table is documents and row["title"]:
        yield f"{row['title']} {row['text']}".strip()
    if table is served:
        yield from (text for _, text, _ in json.loads(row["shown"]) if text)


class _Search:
    """Two passes over the store: what is meant, and what of it others have too."""

    def __init__(self, meant: Erasable) -> None:
        self._meant = meant
        self._needles = meant.needles
        self.rows: dict[str, set[int]] = defaultdict(set)
        self._ids: dict[str, set[str]] = defaultdict(set)
        self._texts: dict[str, str] = {}
        self._words: set[str] = set()
        self._places: dict[Place, None] = {}
        self._documents: set[str] = set()
        self._lines: set[str] = set()

    def look(self, table: Table, row: Mapping[str, Any]) -> None:
        """Take a row if it is meant."""
        if self._is_meant(table, row):
            self._take(table, row)

    def follow(self, connection: Connection) -> None:
        """Take what is the same record in another table.

        Each served line is a text of the traffic too, and a pair may hold the text of a document
        that it names.
        """
        lines = {digest_of("served", each) for each in self._lines}
        for row in _rows(connection, traffic):
            if row["digest"] in lines:
                self._take(traffic, row)
        of_traffic = {
            row["digest"]
            for row in _rows(connection, traffic)
            if row["sequence"] in self.rows[traffic.name]
        }
        for row in _rows(connection, served):
            if digest_of("served", row["digest"]) in of_traffic:
                self._take(served, row)
        if self._documents:
            for row in _rows(connection, pairs):
                if {normalised(row[name]) for name in ("positive", "negative")} & self._documents:
                    self._take(pairs, row)

    def look_at_refusal(self, row: Mapping[str, Any]) -> None:
        """Take a refusal whose reason quotes what is meant."""
        ids = set().union(*self._ids.values())
        quoted = (f"id {each[:60]!r}" for each in ids)
        reason = row["reason"]
        meant = self._holds(reason)
        if meant or any(each in reason for each in quoted):
            self.rows[quarantine.name].add(row["number"])
            self._places[Place(row["kind"], row["file"], row["line"])] = None

    def keep(self, table: Table, row: Mapping[str, Any]) -> None:
        """Note that a row stays: its texts and words are not only those of erased records."""
        for text in texts_of(table, row):
            self._texts.pop(normalised(text), None)
            self._words.difference_update(words_of(text))

    def result(self) -> Erasable:
        """Return what was found."""
        return Erasable(
            kind=self._meant.kind,
            name=self._meant.name,
            also=self._meant.also,
            rows={name: sorted(numbers) for name, numbers in self.rows.items() if numbers},
            ids={name: sorted(ids) for name, ids in self._ids.items()},
            texts=sorted(self._texts.values()),
            words=sorted(self._words),
            places=list(self._places),
        )

    def _is_meant(self, table: Table, row: Mapping[str, Any]) -> bool:
        names = (self._meant.name, *self._meant.also)
        if self._meant.kind == "source":
            return row["source"] in names
        if self._meant.kind == "id":
            # A record with several positives or negatives is several pairs: id, id#2, id#3, …
            several = tuple(f"{name}#" for name in names)
            return row["id"] in names or (table is pairs and row["id"].startswith(several))
        return any(map(self._holds, _fields(table, row)))

    def _holds(self, text: str) -> bool:
        if not self._needles:
            return False
        whole = normalised(text)
        return any(needle in whole for needle in self._needles)

    def _take(self, table: Table, row: Mapping[str, Any]) -> None:
        self.rows[table.name].add(row["sequence"])
        if row["id"]:
            self._ids[table.name].add(row["id"])
        for text in texts_of(table, row):
            self._texts[normalised(text)] = text
            self._words.update(words_of(text))
        if table is documents:
            self._documents |= {
                normalised(f"{row['title']} {row['text']}"),
                normalised(row["text"]),
            }
            self._documents.discard("")
        if table is served:
            self._lines.add(row["digest"])
        if row["file"]:
            self._places[Place(KIND_OF[table], row["file"], row["line"])] = None


def _fields(table: Table, row: Mapping[str, Any]) -> Iterator[str]:
    yield from texts_of(table, row)
    yield from (row[name] for name in _NAMES[table])
    if table is served:
        yield from json.loads(row["clicked"])
        yield from (each for each, _ in json.loads(row["feedback"]))
        yield from (id for id, _, _ in json.loads(row["shown"]))


def _rows(connection: Connection, table: Table) -> Iterator[Mapping[str, Any]]:
    number = table.c.number if table is quarantine else table.c.sequence
    found = connection.execute(select(table).order_by(number).execution_options(yield_per=1_000))
    yield from map(dict, found.mappings())
