"""What a check looked at, for a picture: a map of the texts, what records lack, the memory."""

from typing import Literal

from pipeline.results.result import Result


class TextGroup(Result):
    """Texts that lie together.

    Attributes
    ----------
    number
        Its number on the map, from 1, the one with most recent texts first.
    terms
        Words that tell it from the other groups, the most distinctive first.
    x, y
        Its place on the map.
    known, recent
        Share of the known and of the recent texts that are in it, in [0, 1].
    far
        Share of its recent texts that are far from all known ones, in [0, 1].
    distance
        Mean cosine distance between two recent texts in it; None of fewer than two.
    examples
        Recent texts nearest to its centre; known ones where it has no recent ones.
    """

    number: int
    terms: tuple[str, ...]
    x: float
    y: float
    known: float
    recent: float
    far: float
    distance: float | None
    examples: tuple[str, ...]


class TextSource(Result):
    """The recent texts of one source beside all known ones.

    Attributes
    ----------
    source
        Its name; empty for texts without one.
    texts
        Distinct recent texts of it.
    far
        Share of them that are far from all known texts.
    pieces
        Pieces of the tokenizer per word, on average over the texts; None where that is unknown.
    """

    source: str
    texts: int
    far: float
    pieces: float | None


class TextMap(Result):
    """Known and recent texts of one check on a plane.

    Attributes
    ----------
    method
        How the plane was chosen: "PCA".
    kept
        Share of the variance that the plane keeps, in [0, 1]; None where there is none to keep.
    known, recent, far
        Places (x, y) of known texts, of recent ones near them, and of recent ones farther from the
        known texts than nine tenths of those are from one another; a sample of each.
    far_share
        Share of the distinct recent texts that are far.
    compared
        Numbers of distinct known and of distinct recent texts that were compared.
    groups
        Groups of all texts.
    sources
        Recent texts by source, the most frequent first; none where no source is known.
    known_pieces
        Pieces of the tokenizer per word in the known texts; None where that is unknown.
    """

    method: str
    kept: float | None
    known: tuple[tuple[float, float], ...]
    recent: tuple[tuple[float, float], ...]
    far: tuple[tuple[float, float], ...]
    far_share: float
    compared: tuple[int, int]
    groups: tuple[TextGroup, ...] = ()
    sources: tuple[TextSource, ...] = ()
    known_pieces: float | None = None


class MissingField(Result):
    """How many records lack one field.

    Attributes
    ----------
    records
        "texts" or "pairs".
    field
        Name of the field.
    known, recent
        Share of the known and of the recent records without it, in [0, 1]; None of no records.
    """

    records: Literal["texts", "pairs"]
    field: str
    known: float | None
    recent: float | None


class MemorySource(Result):
    """Pairs of one source in the memory of a version; the source is empty for pairs without one."""

    source: str
    pairs: int


class CheckedTexts(Result):
    """What a check looked at, for a picture.

    Attributes
    ----------
    map
        The texts on a plane; None where there is no map.
    reason
        Why there is no map; empty where there is one.
    missing
        Fields that some but not all records have.
    memory
        What the champion may replay, by source, the largest first.
    """

    map: TextMap | None = None
    reason: str = ""
    missing: tuple[MissingField, ...] = ()
    memory: tuple[MemorySource, ...] = ()
