"""Feedback: pairs, and a task to measure on, from clicks and ratings of a served log."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.evaluation import EvaluationSet, content_id
from training.pairs import HoldOut, Pair, hash_share, normalised
from training.settings import SETTINGS
from training.unlabelled.derived import Derived, derived_id
from training.unlabelled.document import Document
from training.unlabelled.propensities import Harvest, Propensities
from training.unlabelled.relevance import Relevance, detection, relevance
from training.unlabelled.served_query import ServedQuery
from training.unlabelled.votes import Ballot, Votes

FEEDBACK_TASK = "proxy/feedback"
_LARGEST_WEIGHT = 5.0
"""Queries that one query of the task stands for, at most."""
_ENOUGH = 100
"""Queries of the task below which none is thinned out."""


@plain_dataclass(frozen=True, eq=False)
class _Judged:
    """A log with what it says about each result that was shown."""

    votes: Votes
    propensities: Propensities
    relevance: Relevance

    def query_of(self, number: int) -> str:
        """Return the query of a result, as it counts."""
        return self.votes.results[number][0]

    def text_of(self, number: int) -> str:
        """Return the text of a result."""
        return self.votes.documents[self.votes.results[number][1]]


@dataclass(frozen=True, config=SETTINGS)
class Feedback:
    """Make pairs of queries and the documents that users chose for them.

    People click what is placed first, and now and then what is of no use. So each shown result is
    weighed by how often its positions are looked at (`Harvest`) and by how often noise is clicked
    (`relevance`). What is an answer with at least `minimum_probability` gives a pair. The negative
    of a pair is a result rated down, or one that users passed over for the answer: above it, or the
    next one below.

    References
    ----------
    Joachims 2002 and 2007 (skip above, no-click next); Joachims et al. 2017 and Agarwal et al. 2019
    (position bias).

    Examples
    --------
    >>> from training.unlabelled import Shown
    >>> corpus = [Document(str(n), f"answer {n}") for n in range(60)]
    >>> shown = [tuple(Shown(str((n + k) % 60)) for k in (7, 0, 3)) for n in range(60)]
    >>> log = [ServedQuery(f"question {n}", shown[n], clicked=(str(n),), user=f"u{visit}")
    ...        for n in range(60) for visit in range(20)]
    >>> pairs = Feedback().derive(log, corpus, HoldOut(share=0.5)).pairs
    >>> {pair.positive.split()[1] == pair.query.split()[1] for pair in pairs}
    {True}
    >>> pairs[0].negative != ""
    True
    """

    kind: ClassVar[str] = "feedback"

    enabled: bool = True
    """Whether clicks and ratings give pairs."""
    share: float = Field(default=1.0, gt=0.0, le=1.0)
    """Largest share of the derived pairs."""
    minimum_probability: float = Field(default=0.8, gt=0.5, lt=1.0)
    """Probability of being an answer from which a result gives a pair, 0.5 to 1.

    A negative is an answer with at most the probability that is left.
    """
    rating_error: float = Field(default=0.05, gt=0.0, lt=0.5)
    """Share of ratings that are wrong: a rating outweighs clicks the more, the smaller it is."""
    per_query: int = Field(default=3, ge=1)
    """Largest number of pairs of one query."""
    user_share: float = Field(default=Ballot.user_share, gt=0.0, le=1.0)
    """Largest share of all votes that one user has; a log of few users allows twice a fair share.
    """
    queries_per_minute: int = Field(default=Ballot.queries_per_minute, ge=5)
    """Queries within a minute from which the session of a user is a program's."""
    clicks_ratio: float = Field(default=Ballot.clicks_ratio, gt=1.0)
    """How many times the clicks of other users, at the same positions, only a program makes."""
    maximum_documents: int = Field(default=20_000, ge=100)
    """Largest corpus of the task `proxy/feedback`; answers are never left out."""

    def derive(
        self, served: Sequence[ServedQuery], documents: Sequence[Document], hold_out: HoldOut
    ) -> Derived:
        """Return the pairs of a log, most probable first.

        Parameters
        ----------
        served
            Lines of the log, oldest first; those of held-out queries tell how people click, but
            give no pairs.
        documents
            The corpus, to which the ids of the log belong.
        hold_out
            Which queries are measured on.
        """
        judged = self._judge(served, documents)
        votes, found = judged.votes, judged.relevance
        held = _held_out(votes, hold_out)
        chosen = self._chosen(judged, found.probability, ~held)
        disliked: dict[str, set[int]] = {}
        for number in np.flatnonzero(votes.ratings < 0).tolist():
            disliked.setdefault(judged.query_of(number), set()).add(number)
        times = {normalised(line.query): line.timestamp for line in served}
        pairs = []
        for number in chosen:
            query, document = votes.results[number]
            pairs.append(
                Pair(
                    id=derived_id(self.kind, votes.queries[query], votes.documents[document]),
                    query=votes.queries[query],
                    positive=votes.documents[document],
                    negative=self._negative(
                        judged, {*votes.skips.get(number, ()), *disliked.get(query, ())}
                    ),
                    source=self.kind,
                    timestamp=times.get(query),
                )
            )
        queries = {
            query
            for number, (query, _) in enumerate(votes.results)
            if found.support[number] > 0 and not held[number]
        }
        reason = _reason(judged, len(pairs), len(queries))
        return Derived(self.kind, tuple(pairs), len(queries), reason)

    def task(
        self, served: Sequence[ServedQuery], documents: Sequence[Document], hold_out: HoldOut
    ) -> EvaluationSet | None:
        """Return the held-out queries with the documents that users chose; None where none did.

        Where an answer was placed must not decide whether it counts, or the task would repeat the
        ranking of the model that served. So every rank is as likely to hold an answer, and what
        is not clicked counts by how often its positions are looked at. Answers far down remain
        harder to notice; queries whose answer was easy to notice are therefore thinned out, by a
        hash of their text, in the ratio of these probabilities: at most to one of five, and not
        below 100 queries.

        Parameters
        ----------
        served
            Lines of the log, oldest first.
        documents
            The corpus.
        hold_out
            Which queries are measured on.
        """
        judged = self._judge(served, documents)
        held = _held_out(judged.votes, hold_out)
        chosen = self._chosen(judged, judged.relevance.rank_free, held)
        if not len(chosen):
            return None
        weakest = judged.relevance.support[chosen].min()
        noticed = detection(
            judged.votes.impressions,
            judged.propensities,
            judged.relevance,
            self._of_ratings(judged.votes),
            float(weakest),
        )
        missed: dict[str, float] = {}
        for number in chosen:
            query = judged.query_of(number)
            missed[query] = missed.get(query, 1.0) * (1.0 - noticed[number])
        noticed_at_all = np.array([1.0 - each for each in missed.values()])
        level = _level(noticed_at_all)
        kept = {
            query
            for query, each in missed.items()
            if hash_share(hold_out.seed, FEEDBACK_TASK, query) * (1.0 - each) < level
        }
        relevant: dict[str, set[str]] = {}
        for number in chosen:
            query, document = judged.votes.results[number]
            if query in kept and query != document:
                relevant.setdefault(query, set()).add(document)
        note = (
            f"answers of {len(missed)} held-out queries by clicks and ratings; "
            f"{len(missed) - len(relevant)} left out, whose answers were easy to notice"
        )
        return self._set(judged.votes, relevant, documents, note) if relevant else None

    @property
    def ballot(self) -> Ballot:
        """How lines of a log are counted as votes."""
        return Ballot(self.user_share, self.queries_per_minute, self.clicks_ratio)

    def _judge(self, served: Sequence[ServedQuery], documents: Sequence[Document]) -> _Judged:
        votes = self.ballot.count(served, documents)
        positions = int(votes.impressions.position.max(initial=0)) + 1
        propensities = Harvest().propensities(votes.impressions, positions)
        found = relevance(votes.impressions, propensities, self._of_ratings(votes))
        return _Judged(votes, propensities, found)

    def _of_ratings(self, votes: Votes) -> NDArray[np.float64]:
        """Return (results,): log of how much likelier an answer makes the ratings of each."""
        return votes.ratings * float(np.log((1.0 - self.rating_error) / self.rating_error))

    def _chosen(
        self, judged: _Judged, probability: NDArray[np.float64], allowed: NDArray[np.bool_]
    ) -> list[int]:
        """Return the results to take for answers, most probable first."""
        evidence = allowed & (judged.relevance.support > 0)
        evidence[list(judged.votes.contradicted)] = False
        found: list[int] = []
        per_query: dict[str, int] = {}
        evidence &= probability >= self.minimum_probability
        for number in np.argsort(-probability, kind="stable").tolist():
            if not evidence[number]:
                continue
            query = judged.query_of(number)
            per_query[query] = per_query.get(query, 0) + 1
            if per_query[query] <= self.per_query:
                found.append(number)
        return found

    def _negative(self, judged: _Judged, passed_over: Collection[int]) -> str:
        """Return the text that is least probably an answer; "" where each may be one."""
        probability = judged.relevance.probability
        least = min(passed_over, key=lambda number: (probability[number], number), default=None)
        if least is None or probability[least] > 1.0 - self.minimum_probability:
            return ""
        return judged.text_of(least)

    def _set(
        self,
        votes: Votes,
        relevant: Mapping[str, set[str]],
        documents: Sequence[Document],
        note: str,
    ) -> EvaluationSet:
        texts = {normalised(each.whole): each.whole for each in documents}
        texts |= votes.documents
        needed = {document for each in relevant.values() for document in each}
        others = sorted(texts.keys() - needed, key=lambda key: hash_share(0, "distractor", key))
        kept = sorted([*needed, *others[: max(0, self.maximum_documents - len(needed))]])
        name = {key: content_id("d", key) for key in kept}
        asked = {query: content_id("q", query) for query in sorted(relevant)}
        return EvaluationSet(
            FEEDBACK_TASK,
            {number: votes.queries[query] for query, number in asked.items()},
            {number: texts[key] for key, number in name.items()},
            {
                number: {name[key]: 1 for key in sorted(relevant[query])}
                for query, number in asked.items()
            },
            notes=(note,),
        )


def _held_out(votes: Votes, hold_out: HoldOut) -> NDArray[np.bool_]:
    """Return (results,): whether the query of each is held out."""
    held = {query: hold_out.holds(query) for query in votes.queries}
    return np.array([held[query] for query, _ in votes.results], dtype=bool)


def _level(noticed: NDArray[np.float64]) -> float:
    """Return the probability of notice to which the easier queries are thinned out."""
    lowest = float(max(noticed.min(), noticed.max() / _LARGEST_WEIGHT))
    for level in np.linspace(lowest, noticed.max(), 50):
        if np.minimum(1.0, level / noticed).sum() >= min(_ENOUGH, len(noticed)):
            return float(level)
    return float(noticed.max())


def _reason(judged: _Judged, pairs: int, queries: int) -> str:
    """Say how many pairs there are, from how many queries, and why not from the others."""
    votes, found, seen = judged.votes, judged.relevance, judged.propensities
    if not votes.lines:
        return "no line of the log has a click or a rating"
    parts = [
        f"{pairs} pairs from {queries} queries with clicks or ratings "
        f"({votes.lines} lines of {votes.users} users)"
    ]
    if len(seen.values) > 1:
        third = seen.values[min(2, len(seen.values) - 1)]
        measured = (
            f"measured on {seen.swaps} results that changed their position"
            if seen.measured
            else "taken as 1/rank, as no clicked result changed its position"
        )
        parts.append(
            f"rank {min(3, len(seen.values))} is looked at {third:.2f} times as often as the "
            f"first; {measured}"
        )
    parts.append(
        f"an answer that is looked at is clicked in {found.clicks_on_answers:.0%}, another text "
        f"in {found.clicks_on_others:.0%}"
    )
    if votes.left_out:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(votes.left_out.items()))
        parts.append(f"left out: {counts}")
    return "; ".join(parts)
