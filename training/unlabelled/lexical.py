"""The lexical index: what BM25 finds, in any language, without a model."""

import logging
import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Scripts written without blanks: runs of two characters are their words (as in Lucene's
# CJKAnalyzer, which takes Hangul with them, as its words carry their particles).
_PAIRED = (
    "\u1100-\u11ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Thai, Lao, Tibetan, Myanmar and Khmer, whose vowels and tones are characters of their own: three.
_TRIPLED = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
_ENTRIES = 2**23  # products of a block of queries, about 12 bytes each
_NOWHERE = -1


@cache
def _pattern() -> re.Pattern[str]:
    r"""Return what finds runs of the three kinds; marks count, which `\w` leaves out."""
    apart = re.compile(f"[{_PAIRED}{_TRIPLED}]")
    marks = "".join(
        sign
        for sign in map(chr, range(0x300, 0x10000))
        if unicodedata.category(sign)[0] == "M" and not apart.match(sign)
    )
    word = rf"(?:[^\W_{_PAIRED}{_TRIPLED}]+|[{marks}]+)+"
    return re.compile(f"([{_PAIRED}]+)|([{_TRIPLED}]+)|({word})")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, in any language.

    Where a script has no blanks between words, runs of two characters take their place, or of three
    where vowels and tones are characters of their own.

    Examples
    --------
    >>> words_of("Où est ma CARTE?"), words_of("东京タワー 2 hours")
    (['où', 'est', 'ma', 'carte'], ['东京', '京タ', 'タワ', 'ワー', '2', 'hours'])
    """
    words: list[str] = []
    for paired, tripled, word in _pattern().findall(unicodedata.normalize("NFKC", text).lower()):
        if word:
            words.append(word)
        else:
            run, length = (paired, 2) if paired else (tripled, 3)
            words.extend(run[i : i + length] for i in range(max(1, len(run) - length + 1)))
    return words


class LexicalIndex:
    """Documents by their words, ranked by BM25 (Robertson and Zaragoza 2009, as Lucene counts it).

    The weights are those of the library bm25s (Lù 2024), which computes them once for each word of
    each document. Documents of equal score keep the order in which they were given; apart from
    that the order has no effect. A million documents of 100 words take about 1 GB, and three times
    as much while they are read.

    Parameters
    ----------
    texts
        The documents.
    longest
        Words of a document that are read; the others are left out.

    Examples
    --------
    >>> index = LexicalIndex(["block a lost card", "opening hours of the branch"])
    >>> rows, scores = index.best(["my card is lost", "bonjour"], 2)
    >>> rows.tolist(), scores[0, 0] > scores[0, 1]
    ([[0, -1], [-1, -1]], np.True_)
    """

    def __init__(self, texts: Sequence[str], *, longest: int = 1000) -> None:
        self._count = len(texts)
        self._places: dict[str, int] = {}
        self._weights = self._read(texts, longest)

    def __len__(self) -> int:
        """Return the number of documents."""
        return self._count

    def _read(self, texts: Sequence[str], longest: int) -> "csr_matrix":
        """Return the weights of words in documents, (words, documents)."""
        from scipy.sparse import csr_matrix

        places = self._places
        held = [
            array("i", (places.setdefault(word, len(places)) for word in words_of(text)[:longest]))
            for text in texts
        ]
        if not places:
            return csr_matrix((0, len(texts)), dtype=np.float32)
        from bm25s import BM25

        # At import the library switches its own debug messages on.
        logging.getLogger("bm25s").setLevel(logging.WARNING)
        engine = BM25(method="lucene", csc_backend="scipy")
        engine.index((held, places), create_empty_token=False, show_progress=False)
        scores = engine.scores
        return csr_matrix(
            (scores["data"], scores["indices"], scores["indptr"]), (len(places), len(texts))
        )

    def best(self, queries: Sequence[str], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the documents that share most with each query, best first.

        Parameters
        ----------
        queries
            What is asked.
        k
            Documents per query.

        Returns
        -------
        tuple of numpy.ndarray
            Rows of the documents, -1 where fewer share a word with the query, and their scores,
            there 0; both (queries, k).
        """
        rows = np.full((len(queries), k), _NOWHERE, dtype=np.int32)
        scores = np.zeros((len(queries), k), dtype=np.float32)
        for start, product in self._products(queries):
            for offset in range(product.shape[0]):
                some = slice(product.indptr[offset], product.indptr[offset + 1])
                found, values = product.indices[some], product.data[some]
                best = _first(found, values, k)
                rows[start + offset, : len(best)] = found[best]
                scores[start + offset, : len(best)] = values[best]
        return rows, scores

    def ceilings(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Return a bound that the scores of each query never reach.

        It grows with the number of words and with how rare they are, also of words that no document
        holds. A score divided by it tells which part of what was asked a document holds.
        """
        counts = np.diff(self._weights.indptr)
        tops = np.zeros(len(queries), dtype=np.float32)
        for number, query in enumerate(queries):
            places = (self._places.get(word) for word in sorted(set(words_of(query))))
            held = np.array([0 if place is None else counts[place] for place in places])
            tops[number] = np.log1p((self._count - held + 0.5) / (held + 0.5)).sum()
        return tops

    def _products(self, queries: Sequence[str]) -> "Iterator[tuple[int, csr_matrix]]":
        """Yield (first query, scores of a block of queries by document)."""
        counts = np.diff(self._weights.indptr)
        block: list[list[int]] = []
        entries = start = 0
        for number, query in enumerate(queries):
            # In the order of the words, so that sums do not depend on the order of the documents.
            known = (self._places.get(word) for word in sorted(set(words_of(query))))
            places = [place for place in known if place is not None]
            added = int(counts[places].sum()) if places else 0
            if block and entries + added > _ENTRIES:
                yield start, self._scores(block)
                block, entries, start = [], 0, number
            block.append(places)
            entries += added
        if block:
            yield start, self._scores(block)

    def _scores(self, block: Sequence[Sequence[int]]) -> "csr_matrix":
        from scipy.sparse import csr_matrix

        ends = np.cumsum([0, *map(len, block)])
        columns = np.fromiter((place for places in block for place in places), np.int32, ends[-1])
        ones = np.ones(len(columns), dtype=np.float32)
        asked = csr_matrix((ones, columns, ends), (len(block), len(self._places)))
        return (asked @ self._weights).tocsr()


def _first(rows: NDArray[np.int32], scores: NDArray[np.float32], k: int) -> NDArray[np.integer]:
    """Return where the k highest scores lie, best first; equal scores by row."""
    if len(scores) > 4 * k:
        enough = np.partition(scores, -k)[-k]
        some = np.flatnonzero(scores >= enough)
    else:
        some = np.arange(len(scores))
    order = np.lexsort((rows[some], -scores[some]))
    best: NDArray[np.integer] = some[order[:k]]
    return best
