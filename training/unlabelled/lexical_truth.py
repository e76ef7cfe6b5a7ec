"""The lexical proxy: held-out queries of the log whose document BM25 finds beyond doubt."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS
from training.unlabelled.corpus import Corpus
from training.unlabelled.found import Found, by_words, unquoted
from training.unlabelled.proxy import Proxy, further_rows, proxy_task

NAME = "proxy/lexical"
_NEIGHBOURS = 8


@dataclass(frozen=True, config=SETTINGS)
class LexicalTruth:
    """Take the document that BM25 ranks first for the answer to a held-out query.

    No model has a part in it, so it favours neither champion nor candidate. It sees only queries
    that share words with their document, and favours what was taught by BM25: as evidence it needs
    another proxy beside it.

    Examples
    --------
    >>> from training.unlabelled import Document
    >>> corpus = Corpus([Document("7", "block a lost card"), Document("9", "opening hours today")])
    >>> proxy = LexicalTruth(minimum=1, stands_out=0.0).make(["my card is lost"], corpus)
    >>> list(proxy.task.queries.values()), proxy.reason
    (['my card is lost'], '1 of 1 held-out queries have a document that stands out')
    """

    stands_out: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the queries to leave out, those where first and second document score most alike."""
    floor: float = Field(default=0.25, ge=0.0, le=1.0)
    """Quantile of what the search scores for its second documents; answers must score above it."""
    queries: int = Field(default=300, ge=1)
    """Largest number of queries, those with the largest margins."""
    minimum: int = Field(default=30, ge=1)
    """Smallest number of queries; with fewer there is no set."""
    documents: int = Field(default=2000, ge=1)
    """Largest number of documents to search in."""
    seed: int = 0
    """Seed of the choice of further documents."""

    def make(
        self,
        held_out: Sequence[str],
        corpus: Corpus,
        found: NDArray[np.integer] | None = None,
    ) -> Proxy:
        """Return the proxy.

        Parameters
        ----------
        held_out
            Queries that never give pairs, each once.
        corpus
            The documents.
        found
            Rows of documents that models find, such as (queries, 10); they make the search harder
            and are never taken for answers.
        """
        if not held_out or len(corpus) < 2:
            lacks = "fewer than two documents" if held_out else "no queries of a log are held out"
            return Proxy(None, len(held_out), lacks)
        near = by_words(held_out, corpus, _NEIGHBOURS)
        margins = near.scores[:, 0] - near.scores[:, 1]
        # The second is what would be found first if the answer were missing.
        answered = near.scores[:, 0] > np.quantile(near.scores[:, 1], self.floor)
        answered &= (margins > 0) & (near.rows[:, 0] >= 0)
        bar = np.quantile(margins[answered], self.stands_out) if answered.any() else 0.0
        clear = np.flatnonzero(answered & (margins >= bar)).tolist()
        clear.sort(key=lambda row: (-margins[row], held_out[row]))
        asked, answers, repeated = self._chosen(clear, held_out, near, corpus)
        reason = f"{len(asked)} of {len(held_out)} held-out queries have a document that stands out"
        if len(asked) < self.minimum:
            return Proxy(None, len(held_out), f"{reason}; at least {self.minimum} are needed")
        # What models find comes first: it is as hard, and no lexical search sees it.
        searches = [near.rows[clear]] if found is None else [found, near.rows[clear]]
        wanted = max(0, self.documents - len(answers))
        rows = further_rows(corpus, searches, answers | repeated, wanted, self.seed)
        others = {corpus.documents[row].id: corpus.documents[row].whole for row in rows}
        return Proxy(proxy_task(NAME, asked, others, seed=self.seed), len(held_out), reason)

    def _chosen(
        self, clear: Sequence[int], queries: Sequence[str], near: Found, corpus: Corpus
    ) -> tuple[dict[str, str], set[int], set[int]]:
        """Return query -> answer, the rows of the answers, and of documents that repeat a query.

        Every model finds the latter first, so they are not searched in. A query whose answer
        repeats another one, or the other way round, cannot be asked beside it; neither can queries
        for one document of which one is quoted there.
        """
        asked: dict[str, str] = {}
        answers: dict[int, str] = {}
        repeated: set[int] = set()
        for row in clear:
            query, answer = queries[row], int(near.rows[row, 0])
            own, text = corpus.row_of_text(query), unquoted(query, corpus.documents[answer].whole)
            fits = answer not in repeated and own not in answers
            if text and fits and answers.get(answer, text) == text and len(asked) < self.queries:
                asked[query] = answers[answer] = text
                repeated |= set() if own is None else {own}
        return asked, set(answers), repeated
