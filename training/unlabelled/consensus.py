"""Consensus pairs: a query of the log and the document that two searches agree on."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import Similarity
from training.evaluation.evaluate import nearest
from training.pairs import Pair
from training.settings import SETTINGS
from training.unlabelled.corpus import Corpus
from training.unlabelled.derived import Derived, derived_id
from training.unlabelled.found import Found, by_words, unquoted
from training.unlabelled.reserved import Reserved

KIND = "consensus"
_BESIDE = 3  # documents beside those that count: a repetition of the query, the first, a second
_ROWS = 512  # queries at once
_DOCUMENTS = 2**16  # documents at once


@dataclass(frozen=True, config=SETTINGS)
class Consensus:
    """Pair a query with the document that BM25 ranks first and the champion among its first.

    Two searches that go by different evidence, words and meaning, seldom agree on a wrong document
    (Blum and Mitchell 1998). They do where the corpus holds no answer, and how such pairs look can
    be measured: each query's first document is taken away, and what the searches then agree on is
    known to be second best at most (decoys, as of Elias and Gygi 2007). A pair must be stronger
    than the share `floor` of these. How strong it is depends on four numbers: what either search
    scores, and by how much more than for the next document. Each counts by its rank among all
    agreed pairs, so that their units do not matter.

    Examples
    --------
    >>> from training.unlabelled import Document
    >>> corpus = Corpus([Document("1", "block a lost card"), Document("2", "opening hours today")])
    >>> vectors = np.eye(2, dtype=np.float32)
    >>> derived = Consensus().derive(["my lost card", "hours"], corpus, vectors, vectors)
    >>> [(pair.query, pair.positive) for pair in derived.pairs]
    [('hours', 'opening hours today'), ('my lost card', 'block a lost card')]
    """

    enabled: bool = True
    """Whether pairs are made."""
    share: float = Field(default=1.0, gt=0.0, le=1.0)
    """Largest share of the derived pairs."""
    per_document: int = Field(default=8, ge=1)
    """Largest number of pairs with the same document."""
    depth: int = Field(default=5, ge=1, le=20)
    """Rank down to which the champion must find the document that BM25 finds first."""
    floor: float = Field(default=0.75, ge=0.0, le=1.0)
    """Share of the pairs agreed on without the first documents that a pair must be stronger than;
    with 0 all agreed pairs count."""
    mutual: int = Field(default=10, ge=1)
    """The query must be among this many queries of the log that are nearest to the document."""

    def derive(
        self,
        queries: Sequence[str],
        corpus: Corpus,
        query_vectors: NDArray[np.float32],
        document_vectors: NDArray[np.float32],
        similarity: Similarity | None = None,
        reserved: Reserved | None = None,
    ) -> Derived:
        """Return the pairs that both searches agree on, the strongest first.

        A document with the text of the query is passed over, and a text that quotes the query is
        its positive without the quote.

        Parameters
        ----------
        queries
            What was asked, each once (`distinct_queries`).
        corpus
            What can be found.
        query_vectors
            The champion's, (queries, dimensions).
        document_vectors
            The champion's of `corpus.texts`, (documents, dimensions).
        similarity
            How the champion compares them; None: by the cosine.
        reserved
            What no pair may be made of.
        """
        similarity, reserved = similarity or Similarity(), reserved or Reserved()
        allowed = [row for row, query in enumerate(queries) if not reserved.query(query)]
        if not allowed or len(corpus) < 2:
            return Derived(KIND, (), len(allowed), _nothing(len(allowed), len(corpus)))
        asked, vectors = [queries[row] for row in allowed], query_vectors[allowed]
        words = by_words(asked, corpus, self.depth + _BESIDE)
        meaning = _by_meaning(asked, corpus, (vectors, document_vectors), similarity, self.depth)
        found, strength, weak = self._agreed(words, meaning)
        agreed = found >= 0
        sound = np.flatnonzero(agreed & ~weak)
        mutual = self._mutual(sound, found, vectors, document_vectors, similarity)
        far = len(sound) - len(mutual)
        kept_off = {row for row in mutual if any(map(reserved.document, corpus.ids[found[row]]))}
        free = sorted(set(mutual) - kept_off, key=lambda row: (-strength[row], asked[row]))
        positives = {row: unquoted(asked[row], corpus.documents[found[row]].whole) for row in free}
        pairs: list[Pair] = []
        given: dict[int, int] = defaultdict(int)
        for row, positive in positives.items():
            if positive and given[found[row]] < self.per_document:
                given[found[row]] += 1
                name = derived_id(KIND, asked[row], positive)
                pairs.append(Pair(name, asked[row], positive, source=KIND))
        quoted = sum(not positive for positive in positives.values())
        counts = {
            "the searches disagree": int((~agreed).sum()),
            "as weak as without an answer": int((agreed & weak).sum()),
            f"not among the {self.mutual} queries nearest to the document": far,
            "the document is kept for measuring": len(kept_off),
            "the document holds little but the query": quoted,
            f"more than {self.per_document} per document": len(free) - quoted - len(pairs),
        }
        return Derived(KIND, tuple(pairs), len(asked), _reason(len(pairs), len(asked), counts))

    def _agreed(
        self, words: Found, meaning: Found
    ) -> tuple[NDArray[np.integer], NDArray[np.float64], NDArray[np.bool_]]:
        """Return per query: the document agreed on or -1, its strength, and whether it is weak."""
        found, numbers = self._compared(words, meaning)
        real = numbers[:, found >= 0]
        strength = _ranks(numbers, real)
        second, others = self._compared(words.without(words.rows[:, 0]), meaning.without(found))
        decoys = (second >= 0) & (found >= 0)
        if self.floor == 0 or not decoys.any():
            return found, strength, np.zeros(len(found), dtype=bool)
        bar = np.quantile(_ranks(others[:, decoys], real), self.floor)
        return found, strength, strength <= bar

    def _compared(
        self, words: Found, meaning: Found
    ) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Return the document agreed on by each query, or -1, and the four numbers of it."""
        first = words.rows[:, 0]
        places = meaning.rows[:, : self.depth] == first[:, None]
        agreed = places.any(axis=1) & (first >= 0)
        place = places.argmax(axis=1)
        number = np.arange(len(first))
        score = meaning.scores[number, place]
        # Of the first document the next is the second, of all others the first.
        next_best = meaning.scores[number, (place == 0).astype(int)]
        lexical = words.scores[:, 0]
        numbers = np.array([score, score - next_best, lexical, lexical - words.scores[:, 1]])
        return np.where(agreed, first, -1), numbers

    def _mutual(
        self,
        sound: NDArray[np.integer],
        documents: NDArray[np.integer],
        queries: NDArray[np.float32],
        vectors: NDArray[np.float32],
        similarity: Similarity,
    ) -> list[int]:
        """Return the queries that are among those nearest to their document."""
        kept: list[int] = []
        for start in range(0, len(sound), _ROWS):
            some = sound[start : start + _ROWS]
            scores = similarity.between(queries, vectors[documents[some]])
            own = scores[some, np.arange(len(some))]
            nearer = (scores > own).sum(axis=0)
            kept.extend(some[nearer < self.mutual].tolist())
        return kept


def _by_meaning(
    asked: Sequence[str],
    corpus: Corpus,
    vectors: tuple[NDArray[np.float32], NDArray[np.float32]],
    similarity: Similarity,
    depth: int,
) -> Found:
    """Return what the champion finds."""
    rows, scores = _nearest(*vectors, similarity, min(depth + _BESIDE, len(corpus)))
    # A small corpus ends early; what would come next scores no better than its last document.
    places = ((0, 0), (0, depth + _BESIDE - rows.shape[1]))
    rows, scores = np.pad(rows, places, constant_values=-1), np.pad(scores, places, mode="edge")
    return Found(rows, scores).without_own(asked, corpus)


def _nearest(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    similarity: Similarity,
    depth: int,
) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
    """Return the documents nearest to each query, compared with some of them at once."""
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    for start in range(0, len(documents), _DOCUMENTS):
        some = documents[start : start + _DOCUMENTS]
        places, found = nearest(
            queries, some, depth=depth, rows_at_once=_ROWS, similarity=similarity
        )
        rows = np.concatenate([rows, places + start], axis=1)
        scores = np.concatenate([scores, found], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        rows, scores = np.take_along_axis(rows, best, 1), np.take_along_axis(scores, best, 1)
    return rows, scores


def _ranks(values: NDArray[np.float32], among: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean rank of the numbers of each query among those of others, from 0 to 1."""
    places = [
        np.searchsorted(np.sort(others), some, side="right") / max(1, len(others))
        for some, others in zip(values, among, strict=True)
    ]
    return np.asarray(np.mean(places, axis=0), dtype=np.float64)


def _nothing(queries: int, documents: int) -> str:
    if documents < 2:
        return f"consensus needs two documents or more; the corpus holds {documents}"
    return "consensus: no query of the log may give a pair"


def _reason(made: int, queries: int, counts: dict[str, int]) -> str:
    others = "; ".join(f"{cause}: {count}" for cause, count in counts.items() if count)
    share = made / queries
    return f"{made} of {queries} queries gave a pair ({share:.0%}){'; ' if others else ''}{others}"
