"""Headroom: whether tuning can help at all, from vectors that are known already."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.encoding import Similarity
from training.unlabelled.centre import centred
from training.unlabelled.corpus import Corpus
from training.unlabelled.found import by_words

_DEPTH = 100
_FEWEST = 30
_ROWS = 512  # queries at once


@dataclass(frozen=True)
class Headroom:
    """What is left to gain on the queries of a log, as far as it shows without labels.

    The answer of a query is taken to be the document that BM25 ranks first, where it stands out:
    no model has a part in that.
    """

    queries: int
    """Queries that have such a document."""
    documents: int
    """Documents searched in."""
    hit_at_1: float
    """Share of the queries whose document the model ranks first."""
    recall_at_100: float
    """Share of the queries whose document the model ranks among the first hundred."""
    consensus_gap: float
    """Share of all queries for which the model and BM25 rank different documents first."""
    centring_gain: float | None
    """What subtracting the mean query adds to `hit_at_1`; None: not for this similarity."""

    @property
    def room(self) -> float:
        """What a better order of what the model finds could add to `hit_at_1`."""
        return self.recall_at_100 - self.hit_at_1

    @property
    def reason(self) -> str:
        """The figures in one sentence."""
        centring = (
            ""
            if self.centring_gain is None
            else f"; centring alone would add {100 * self.centring_gain:+.0f} points"
        )
        return (
            f"{self.hit_at_1:.0%} of {self.queries} queries find the document that stands out by "
            f"its words first, {self.recall_at_100:.0%} among the first {_DEPTH}: tuning can gain "
            f"up to {100 * self.room:.0f} points; model and BM25 disagree on "
            f"{self.consensus_gap:.0%} of the first documents{centring}"
        )


def headroom(
    queries: Sequence[str],
    corpus: Corpus,
    query_vectors: NDArray[np.float32],
    document_vectors: NDArray[np.float32],
    similarity: Similarity | None = None,
) -> Headroom | None:
    """Return the headroom of a model; None where too few queries tell.

    Parameters
    ----------
    queries
        What was asked, each once.
    corpus
        The documents.
    query_vectors, document_vectors
        The model's, (queries, dimensions), and (documents, dimensions) of `corpus.texts`.
    similarity
        How the model compares them; None: by the cosine.

    Examples
    --------
    >>> from training.unlabelled import Document
    >>> names = [f"thing{number}" for number in range(40)]
    >>> corpus = Corpus([Document(name, f"about {name}") for name in names])
    >>> vectors = np.eye(40, dtype=np.float32)
    >>> found = headroom(names, corpus, vectors, np.roll(vectors, 1, axis=0))
    >>> found.hit_at_1, found.recall_at_100, found.consensus_gap
    (0.0, 1.0, 1.0)
    """
    if len(queries) < _FEWEST or len(corpus) < 2:
        return None
    similarity = similarity or Similarity()
    near = by_words(queries, corpus, 3)
    margins = near.scores[:, 0] - near.scores[:, 1]
    answered = (near.rows[:, 0] >= 0) & (margins > 0)
    if answered.sum() < _FEWEST:
        return None
    clear = answered & (margins >= np.median(margins[answered]))
    answers = near.rows[:, 0]
    own = [corpus.row_of_text(query) for query in queries]
    ranks = _ranks(query_vectors, document_vectors, answers, own, similarity)
    centring = None
    if similarity.name == "cosine":
        mean = query_vectors.mean(axis=0)
        moved = centred(query_vectors, mean), centred(document_vectors, mean)
        again = _ranks(*moved, answers, own, similarity)
        centring = float((again[clear] == 0).mean() - (ranks[clear] == 0).mean())
    return Headroom(
        queries=int(clear.sum()),
        documents=len(corpus),
        hit_at_1=float((ranks[clear] == 0).mean()),
        recall_at_100=float((ranks[clear] < _DEPTH).mean()),
        consensus_gap=float((ranks[answered] > 0).mean()),
        centring_gain=centring,
    )


def _ranks(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    answers: NDArray[np.integer],
    own: Sequence[int | None],
    similarity: Similarity,
) -> NDArray[np.int64]:
    """Return how many documents each query finds before its answer, itself not counted."""
    ranks = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, len(queries), _ROWS):
        some = slice(start, start + _ROWS)
        scores = similarity.between(queries[some], documents)
        rows = np.arange(len(scores))
        answered = scores[rows, np.maximum(answers[some], 0)]
        before = scores > answered[:, None]
        ranks[some] = before.sum(axis=1)
        for row, place in zip(rows, own[some], strict=True):
            ranks[start + row] -= place is not None and before[row, place]
    return ranks
