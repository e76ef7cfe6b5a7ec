"""What a search finds for each query, apart from documents that only repeat it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.unlabelled.corpus import Corpus
from training.unlabelled.lexical import words_of

_QUOTE = 5  # words; a text that holds fewer words of a query does not quote it
_NONE = -2  # the row of a query that no document repeats; -1 is a place without a document


@dataclass(frozen=True)
class Found:
    """Documents by query, best first.

    Examples
    --------
    >>> found = Found(np.array([[4, 7, 2]]), np.float32([[0.9, 0.8, 0.3]]))
    >>> found.without(np.array([7])).rows.tolist()
    [[4, 2]]
    """

    rows: NDArray[np.integer]
    """(queries, depth): rows of the documents; -1 where there are no more."""
    scores: NDArray[np.float32]
    """(queries, depth): their scores."""

    def without(self, rows: NDArray[np.integer]) -> "Found":
        """Return what is found if one document per query is missing, one place less deep."""
        missing = self.rows == rows[:, None]
        order = np.argsort(missing, axis=1, kind="stable")[:, :-1]
        return Found(
            np.take_along_axis(self.rows, order, 1), np.take_along_axis(self.scores, order, 1)
        )

    def without_own(self, queries: Sequence[str], corpus: Corpus) -> "Found":
        """Return what is found without documents that have the text of their query."""
        own = (corpus.row_of_text(query) for query in queries)
        return self.without(np.array([_NONE if row is None else row for row in own]))


def by_words(queries: Sequence[str], corpus: Corpus, depth: int) -> Found:
    """Return what BM25 finds, without documents that have the text of their query.

    Scores are shares of the best possible one, so that those of long and short queries compare.
    """
    rows, scores = corpus.lexical.best(queries, depth)
    ceilings = np.maximum(corpus.lexical.ceilings(queries), 1e-9)
    shares = np.asarray(scores / ceilings[:, None], dtype=np.float32)
    return Found(rows, shares).without_own(queries, corpus)


def unquoted(query: str, text: str) -> str:
    """Return a text without the query, if it quotes it; "" if hardly anything is left then.

    Examples
    --------
    >>> unquoted("how do i block a card", "How do I block a card? Call us, day or night, at once.")
    '? Call us, day or night, at once.'
    """
    length = len(words_of(query))
    quote = re.search(re.escape(query.strip()), text, re.IGNORECASE)
    if quote is None or length < _QUOTE:
        return text
    rest = " ".join(f"{text[: quote.start()]} {text[quote.end() :]}".split())
    return rest if len(words_of(rest)) >= length else ""
