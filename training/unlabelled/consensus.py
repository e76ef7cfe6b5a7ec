"""Consensus pairs: a query of the log and the document that BM25 and the champion both find."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass

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
from training.unlabelled.reserved import Reserved

KIND = "consensus"
_FOUND = 3  # the first, the second, and one that may repeat the query
_ROWS = 512  # queries at once
_DOCUMENTS = 2**16  # documents at once


@dataclass(frozen=True, config=SETTINGS)
class Consensus:
    """Pair a query with the document that BM25 and the champion both rank first.

    Two searches that go by different evidence, words and meaning, seldom agree on a wrong document
    (agreement of views: Blum and Mitchell 1998; of a lexical and a dense search for training
    without labels: Izacard et al. 2022 measure either alone). They do agree on wrong ones where the
    corpus holds no answer. What a search scores then is known: the second document is what it would
    have found if the first were missing. Pairs must score above a quantile of it in both searches.

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
    floor: float = Field(default=0.5, ge=0.0, le=1.0)
    """Quantile of what each search scores for its second documents; pairs must score above it."""
    margin: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the agreed pairs to leave out, those where first and second score most alike."""
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
        """Return the pairs that both searches agree on, those with the largest margins first.

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
        own = [corpus.row_of_text(query) for query in asked]
        rows, scores = corpus.lexical.best(asked, _FOUND)
        words = _leading(rows, scores / corpus.lexical.ceilings(asked)[:, None], own)
        meaning = _leading(*_nearest(vectors, document_vectors, similarity), own)
        agreed = (words.row == meaning.row) & (words.row >= 0)
        unsure = (words.first <= _quantile(words.second, self.floor)) | (
            meaning.first <= _quantile(meaning.second, self.floor)
        )
        apart = _ranks(words.margin, agreed) + _ranks(meaning.margin, agreed)
        close = apart < (np.quantile(apart[agreed], self.margin) if agreed.any() else 0.0)
        sound = np.flatnonzero(agreed & ~unsure & ~close)
        mutual = self._mutual(sound, meaning.row, vectors, document_vectors, similarity)
        far = len(sound) - len(mutual)
        kept_off = {
            row for row in mutual if any(map(reserved.document, corpus.ids[meaning.row[row]]))
        }
        best = sorted(set(mutual) - kept_off, key=lambda row: (-apart[row], asked[row]))
        pairs: list[Pair] = []
        given: dict[int, int] = defaultdict(int)
        for row in best:
            document = int(meaning.row[row])
            given[document] += 1
            if given[document] <= self.per_document:
                positive = corpus.documents[document].whole
                name = derived_id(KIND, asked[row], positive)
                pairs.append(Pair(name, asked[row], positive, source=KIND))
        counts = {
            "the searches disagree": int((~agreed).sum()),
            "a score that a search also has without an answer": int((agreed & unsure).sum()),
            "first and second score too much alike": int((agreed & ~unsure & close).sum()),
            f"not among the {self.mutual} queries nearest to the document": far,
            "the document is kept for measuring": len(kept_off),
            f"more than {self.per_document} per document": len(best) - len(pairs),
        }
        return Derived(KIND, tuple(pairs), len(asked), _reason(len(pairs), len(asked), counts))

    def _mutual(
        self,
        sound: NDArray[np.integer],
        documents: NDArray[np.integer],
        queries: NDArray[np.float32],
        vectors: NDArray[np.float32],
        similarity: Similarity,
    ) -> list[int]:
        """Return the queries that are among those nearest to their document."""
        kept = []
        for start in range(0, len(sound), _ROWS):
            some = sound[start : start + _ROWS]
            scores = similarity.between(queries, vectors[documents[some]])
            own = scores[some, np.arange(len(some))]
            nearer = (scores > own).sum(axis=0)
            kept.extend(some[nearer < self.mutual].tolist())
        return kept


@plain_dataclass(frozen=True)
class _Leading:
    """What one search ranks first and second for each query."""

    row: NDArray[np.integer]
    """The first document; -1: there is none."""
    first: NDArray[np.float32]
    """Its score."""
    second: NDArray[np.float32]
    """The score of the second."""

    @property
    def margin(self) -> NDArray[np.float32]:
        return self.first - self.second


def _leading(
    rows: NDArray[np.integer], scores: NDArray[np.float32], own: Sequence[int | None]
) -> _Leading:
    """Return first and second of each query, without a document that repeats the query."""
    number = np.arange(len(rows))
    repeated = np.array([-2 if row is None else row for row in own])[:, None] == rows
    order = np.argsort(repeated, axis=1, kind="stable")
    first, second = order[:, 0], order[:, min(1, rows.shape[1] - 1)]
    return _Leading(rows[number, first], scores[number, first], scores[number, second])


def _nearest(
    queries: NDArray[np.float32], documents: NDArray[np.float32], similarity: Similarity
) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
    """Return the documents nearest to each query, compared with some of them at once."""
    rows = np.zeros((len(queries), 0), dtype=np.int64)
    scores = np.zeros((len(queries), 0), dtype=np.float32)
    for start in range(0, len(documents), _DOCUMENTS):
        some = documents[start : start + _DOCUMENTS]
        places, found = nearest(
            queries, some, depth=_FOUND, rows_at_once=_ROWS, similarity=similarity
        )
        rows = np.concatenate([rows, places + start], axis=1)
        scores = np.concatenate([scores, found], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :_FOUND]
        rows, scores = np.take_along_axis(rows, best, 1), np.take_along_axis(scores, best, 1)
    return rows, scores


def _quantile(scores: NDArray[np.float32], share: float) -> float:
    return float(np.quantile(scores, share)) if share > 0 else -np.inf


def _ranks(values: NDArray[np.float32], among: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the place of each value among some of them, from 0 to 1."""
    ordered = np.sort(values[among])
    return np.searchsorted(ordered, values) / max(1, len(ordered))


def _nothing(queries: int, documents: int) -> str:
    if documents < 2:
        return f"consensus needs two documents or more; the corpus holds {documents}"
    return "consensus: no query of the log may give a pair"


def _reason(made: int, queries: int, counts: dict[str, int]) -> str:
    others = "; ".join(f"{cause}: {count}" for cause, count in counts.items() if count)
    share = made / queries
    return f"{made} of {queries} queries gave a pair ({share:.0%}){'; ' if others else ''}{others}"
