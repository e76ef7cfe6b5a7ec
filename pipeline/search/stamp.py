"""The stamp of an index: which space its vectors are of, what they cover, and what is refused."""

import json
from dataclasses import asdict, dataclass, fields
from typing import TypeVar

from training.encoding.similarity import SimilarityName
from training.faults import DataFault

AS_WHOLE = "title and text"
"""How a document becomes the text that is encoded (`Document.whole`)."""

_SHOWN = 12  # characters of a fingerprint in a message

_Kept = TypeVar("_Kept", "Space", "Stamp")


class IndexMissing(DataFault):
    """There is no whole index of a version; the message names the command that builds it."""


class SpaceMismatch(DataFault):
    """Vectors are of another space than they are used in; the message names both."""


class IndexBusy(DataFault):
    """Another process builds the same index."""


class IndexUnusable(DataFault):
    """An index cannot be read or written, or is not what its stamp says."""


@dataclass(frozen=True)
class Space:
    """What vectors must have in common to be compared.

    Attributes
    ----------
    fingerprint
        Identity of the embedding space.
    preparation
        How a document becomes the text that is encoded, and how the user cut documents.
    dimensions
        Length of a vector.
    similarity
        How the model compares.

    Examples
    --------
    >>> old = Space("a" * 64, "title and text", 384, "cosine")
    >>> old.difference(Space("b" * 64, "title and text", 384, "cosine"))
    'fingerprint aaaaaaaaaaaa, not bbbbbbbbbbbb'
    >>> old.difference(old)
    ''
    """

    fingerprint: str
    preparation: str
    dimensions: int
    similarity: SimilarityName

    def difference(self, wanted: "Space") -> str:
        """Say in which way vectors of this space are not those that are wanted; "" if they are."""
        if self.fingerprint != wanted.fingerprint:
            mine, other = self.fingerprint[:_SHOWN], wanted.fingerprint[:_SHOWN]
            return f"fingerprint {mine}, not {other}"
        for name in ("dimensions", "similarity", "preparation"):
            has, wants = getattr(self, name), getattr(wanted, name)
            if has != wants:
                return f"{name} {has!r}, not {wants!r}"
        return ""

    def to_json(self) -> str:
        """Return the space as it is kept beside vectors."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(text: str | bytes) -> "Space":
        """Read what `to_json` wrote.

        Raises
        ------
        DataFault
            It is none.
        """
        return _read(Space, text)


@dataclass(frozen=True)
class Stamp:
    """What an index is: written last, so that an index with a stamp is whole.

    Attributes
    ----------
    version
        The version of the model whose index it is.
    fingerprint, preparation, dimensions, similarity
        The space of its vectors.
    documents
        Number of documents.
    digest
        sha256 of the sorted digests of all ids and texts.
    made
        When it was built or brought up to date, ISO 8601.
    cut
        Sequence number of the store up to which it covers the documents; 0: unknown.
    approximate
        Whether it is searched approximately.
    recall
        Share of the exact first ten that the approximate search finds; None: it is exact.
    vectors
        Sum of all vectors, in order of ids; empty where a search does not read all of them, and in
        indexes of earlier releases.

    Examples
    --------
    >>> stamp = Stamp(2, "f" * 64, "title and text", 16, "cosine", 3, "0" * 64, "2026-03-01")
    >>> Stamp.from_json(stamp.to_json()) == stamp, stamp.space.dimensions
    (True, 16)
    """

    version: int
    fingerprint: str
    preparation: str
    dimensions: int
    similarity: SimilarityName
    documents: int
    digest: str
    made: str
    cut: int = 0
    approximate: bool = False
    recall: float | None = None
    vectors: str = ""

    @property
    def space(self) -> Space:
        """The space of its vectors."""
        return Space(self.fingerprint, self.preparation, self.dimensions, self.similarity)

    def to_json(self) -> str:
        """Return the stamp as it is kept beside vectors."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(text: str | bytes) -> "Stamp":
        """Read what `to_json` wrote.

        Raises
        ------
        DataFault
            It is none.
        """
        return _read(Stamp, text)


def _read(kind: type[_Kept], text: str | bytes) -> _Kept:
    """Read a stamp or space; keys that a later release added are ignored."""
    try:
        found = json.loads(text)
        return kind(**{each.name: found[each.name] for each in fields(kind) if each.name in found})
    except (ValueError, TypeError, KeyError) as fault:
        raise DataFault(f"the stamp of the vectors cannot be read ({fault})") from None
