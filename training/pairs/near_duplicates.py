"""Near duplicates: texts that share nearly all of their words or of their character runs."""

import itertools
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Texts = tuple[str, ...]
"""The normalised texts of a row, such as query and positive; every row has equally many."""

_BLOCK = 2048  # rows at once: a product of two blocks has at most 4 million entries
_FIRST_BLOCK = 64
_SHARED = 0.15  # share of the common parts that must be in the beginnings
_DENSE = 0.05  # share of candidates above which one product is faster than many rows
_PARTS = 2**22  # parts compared in full at once


@dataclass(frozen=True)
class NearDuplicates:
    """Find rows in which every text is a near duplicate of its counterpart in another row.

    Two texts are near duplicates if the sets of their runs of four characters, or of their words
    (if both have at least `minimum_words`), overlap by `similarity` (Jaccard). The search is exact:
    if two sets overlap that much and their parts are sorted in a common order, their beginnings
    share parts (prefix filter: Chaudhuri, Ganti and Kaushik 2006). Rare parts come first in the
    order, so that few rows must be compared in full.

    Examples
    --------
    >>> rows = [(f"please refund the order {number}",) for number in (17, 18)]
    >>> NearDuplicates().firsts([*rows, ("opening hours",)])
    [0, 2]
    >>> NearDuplicates().matches([("opening hours",), ("the order 18 please refund",)], rows)
    {1: 1}
    """

    similarity: float = 0.8
    """Jaccard similarity of words or character runs from which two texts are near duplicates."""
    minimum_words: int = 4
    """Number of distinct words from which the overlap of words counts."""

    def matches(self, rows: Sequence[Texts], known: Sequence[Texts]) -> dict[int, int]:
        """Return row -> first known row of which it is a near duplicate, for rows with one."""
        numbers = _Numbers()
        others = [
            (start, self._block(known[start : start + _BLOCK], numbers))
            for start in range(0, len(known), _BLOCK)
        ]
        found: dict[int, int] = {}
        for start in range(0, len(rows), _BLOCK):
            block = self._block(rows[start : start + _BLOCK], numbers)
            for place, other in others:
                near = self._near(block, other)
                for row, column in zip(*near.nonzero(), strict=True):
                    found.setdefault(start + int(row), place + int(column))
        return found

    def firsts(self, rows: Sequence[Texts], enough: int | None = None) -> list[int]:
        """Return, in their order, the rows that are no near duplicates of rows returned before.

        The search ends when `enough` rows are found (None: after all rows).
        """
        numbers = _Numbers()
        kept: list[_Block] = []
        found: list[int] = []
        start = 0
        while start < len(rows) and (enough is None or len(found) < enough):
            # Blocks grow with the number of known rows: most duplicates are then found by comparing
            # with earlier blocks, few within a block.
            some = rows[start : start + min(max(start, _FIRST_BLOCK), _BLOCK)]
            block = self._block(some, numbers)
            places = np.arange(start, start + len(some))
            for other in kept:
                new = np.diff(self._near(block, other).indptr) == 0
                block, places = block.only(new), places[new]
            near = self._near(block, block)
            first = np.ones(len(places), dtype=bool)
            for row in range(len(places)):
                if first[row]:
                    like = near.indices[near.indptr[row] : near.indptr[row + 1]]
                    first[like[like > row]] = False
            kept.append(block.only(first))
            found.extend(places[first].tolist())
            start += len(some)
        return found[:enough]

    def _block(self, rows: Sequence[Texts], numbers: "_Numbers") -> "_Block":
        sides = []
        for side, texts in enumerate(zip(*rows, strict=True)):
            words = [set(text.split()) for text in texts]
            counted = [each if len(each) >= self.minimum_words else () for each in words]
            runs = [_character_runs(text) for text in texts]
            sides.append([numbers.of(side, "runs", runs), numbers.of(side, "words", counted)])
        matrices = [[_incidence(*each, numbers.count) for each in kinds] for kinds in sides]
        ways = tuple(itertools.product(*matrices))
        return _Block(ways, tuple(self._beginning(way) for way in ways))

    def _beginning(self, way: "tuple[csr_matrix, ...]") -> "tuple[csr_matrix, NDArray[np.integer]]":
        """Return the rarest parts of each row, and how many of them near duplicates share."""
        sizes = np.array([np.diff(sets.indptr) for sets in way])
        needed = self._needed(sizes).sum(axis=0)
        shared = np.ceil(needed * _SHARED).astype(int)
        length = sizes.sum(axis=0) - needed + shared
        length[(sizes == 0).any(axis=0)] = 0
        both = sum(way[1:], start=way[0])
        both.sort_indices()
        # Parts are numbered as they occur, so that rare ones have high numbers.
        before_end = np.repeat(both.indptr[1:], np.diff(both.indptr)) - np.arange(both.nnz)
        rare = before_end <= np.repeat(length, np.diff(both.indptr))
        ends = np.concatenate([[0], np.cumsum(length)])
        return _incidence(both.indices[rare], ends, both.shape[1]), shared

    def _needed(self, sizes: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return how many parts sets of these sizes share with a near duplicate, at least."""
        needed: NDArray[np.integer] = np.ceil(self.similarity * sizes).astype(int)
        return needed

    def _near(self, left: "_Block", right: "_Block") -> "csr_matrix":
        """Return a matrix, (rows of left, rows of right), true for near duplicates."""
        from scipy.sparse import csr_matrix

        shape = (left.rows, right.rows)
        near = csr_matrix(shape, dtype=bool)
        for kind, (begin, other) in enumerate(zip(left.beginnings, right.beginnings, strict=True)):
            other[0].resize(other[0].shape[0], begin[0].shape[1])
            common = (begin[0] @ other[0].T).tocoo()
            enough = common.data >= np.minimum(begin[1][common.row], other[1][common.col])
            rows, columns = common.row[enough], common.col[enough]
            for sets, others in zip(left.ways[kind], right.ways[kind], strict=True):
                close = self._overlap(sets, others, rows, columns)
                rows, columns = rows[close], columns[close]
            near = near + csr_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=shape)
        near.sort_indices()
        return near

    def _overlap(
        self,
        sets: "csr_matrix",
        others: "csr_matrix",
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
    ) -> NDArray[np.bool_]:
        """Return for which pairs of rows the two sets overlap by the similarity."""
        others.resize(others.shape[0], sets.shape[1])
        sizes, other_sizes = np.diff(sets.indptr)[rows], np.diff(others.indptr)[columns]
        fit = np.maximum(sizes, other_sizes)
        close: NDArray[np.bool_] = np.minimum(sizes, other_sizes) >= self._needed(fit)
        places = np.flatnonzero(close)
        rows, columns = rows[places], columns[places]
        if len(places) > sets.shape[0] * others.shape[0] * _DENSE:
            shared = (sets @ others.T).toarray()[rows, columns]
        else:
            step = 1 + _PARTS // max(1, fit.max(initial=0))
            shared = np.zeros(len(places), dtype=int)
            for start in range(0, len(places), step):
                some = slice(start, start + step)
                shared[some] = sets[rows[some]].multiply(others[columns[some]]).sum(axis=1).A1
        union = sizes[places] + other_sizes[places] - shared
        close[places] = shared >= self.similarity * union
        return close


@dataclass(frozen=True)
class _Block:
    """Rows as sets of numbered parts, in each way in which they are compared."""

    ways: "tuple[tuple[csr_matrix, ...], ...]"
    """A way has one matrix of 0 and 1, (rows, parts), per text of a row: its runs or words."""
    beginnings: "tuple[tuple[csr_matrix, NDArray[np.integer]], ...]"
    """Per way: the rarest parts of each row, and how many of them near duplicates share."""

    @property
    def rows(self) -> int:
        return int(self.beginnings[0][0].shape[0])

    def only(self, rows: NDArray[np.bool_]) -> "_Block":
        """Return a block of some of the rows."""
        return _Block(
            tuple(tuple(sets[rows] for sets in way) for way in self.ways),
            tuple((begin[rows], shared[rows]) for begin, shared in self.beginnings),
        )


class _Numbers:
    """Numbers the parts of texts in the order in which they occur."""

    def __init__(self) -> None:
        count = itertools.count()
        self._numbers: dict[tuple[int, str], dict[str, int]] = defaultdict(
            lambda: defaultdict(count.__next__)
        )

    @property
    def count(self) -> int:
        return sum(map(len, self._numbers.values()))

    def of(
        self, side: int, kind: str, sets: Sequence[Collection[str]]
    ) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Return the numbers of the parts of all sets, and where each set ends, starting with 0."""
        number = self._numbers[side, kind].__getitem__
        held = [number(part) for parts in sets for part in parts]
        return np.array(held, dtype=np.int32), np.cumsum([0, *map(len, sets)])


def _character_runs(text: str) -> set[str]:
    return {text[i : i + 4] for i in range(len(text) - 3)} or {text}


def _incidence(columns: NDArray[np.integer], ends: NDArray[np.integer], width: int) -> "csr_matrix":
    """Return a matrix of 0 and 1 from the columns of its ones, row by row."""
    from scipy.sparse import csr_matrix

    ones = np.ones(len(columns), dtype=np.int32)
    matrix = csr_matrix((ones, columns, ends), shape=(len(ends) - 1, width))
    matrix.sort_indices()
    return matrix
