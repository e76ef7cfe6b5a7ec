"""What arrives: records, faults, and how many there were of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from training.pairs import Pair
from training.unlabelled import Document, ServedQuery

Kind = Literal["pair", "traffic", "document", "served"]


Role = Literal["history", "reference", "recent"]


ROLES: Mapping[str, tuple[Role, ...]] = {
    "pair": ("history", "recent"),
    "traffic": ("reference", "recent"),
    "document": ("recent",),
    "served": ("recent",),
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """One unlabelled text as the service saw it.

    `timestamp` is in seconds since the epoch. `session` and `user` say which texts belong together:
    texts of one session are not independent evidence. Both are "" where unknown.
    """

    text: str
    id: str = ""
    source: str = ""
    timestamp: float | None = None
    session: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A pair, text, document or served query with its line (or row), from 1; 0 for none.

    A record with several positives or negatives holds `more` pairs; it counts as one. `keys` name
    its pairs by the ids of their documents, which stay when the texts change. A record with a
    `fault` goes into quarantine, unless it is stored already.
    """

    content: Pair | Traffic | Document | ServedQuery
    line: int = 0
    more: tuple[Pair, ...] = ()
    keys: tuple[str, ...] = ()
    fault: str = ""
    redacted: bool = False
    """Whether something was taken out of it."""
    forms: tuple["Record", ...] = ()
    """The same record as other settings would have kept it; it may be stored so already."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that cannot be used: where it is, and what is wrong with it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """Return one sentence that begins with the place; line 0 is the file as a whole."""
        if not self.line:
            return f"{self.file}: {self.reason}"
        unit = "line" if self.file.lower().endswith(_LINE_FILES) else "row"
        return f"{self.file} {unit} {self.line}: {self.reason}"


_LINE_FILES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of records: new rows, repetitions of stored or quarantined ones, new faults.

    `erased` ones are not stored: they were erased before. Of those stored, something was taken out
    of `redacted` ones.
    """

    stored: int = 0
    known: int = 0
    quarantined: int = 0
    erased: int = 0
    redacted: int = 0

    @property
    def seen(self) -> int:
        """All records."""
        return self.stored + self.known + self.quarantined + self.erased

    def counted(self) -> dict[str, int]:
        """Return all numbers by name."""
        return {
            "seen": self.seen,
            "stored": self.stored,
            "known": self.known,
            "quarantined": self.quarantined,
            "erased": self.erased,
        }

    def __add__(self, other: "Added") -> "Added":
        """Return the sums."""
        return Added(
            self.stored + other.stored,
            self.known + other.known,
            self.quarantined + other.quarantined,
            self.erased + other.erased,
            self.redacted + other.redacted,
        )


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a file has been read: enough to continue, and to notice that it was rewritten.

    `stamp` changes when the file does (size, times, inode), `done` is the number of bytes
    consumed, `lines` the number of line ends among them, `digest` their SHA-256. Of a table, which
    is read whole, `lines` is the number of its last row if that had no line end.
    """

    file: str
    stamp: str = ""
    done: int = 0
    lines: int = 0
    digest: str = ""
