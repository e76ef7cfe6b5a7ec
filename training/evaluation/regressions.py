"""Regressions: what a model answers worse than another, and documents it no longer finds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation.evaluate import Ranking
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.scorecard import Scorecard

_ROUNDING = 1e-9
_TOP = 3  # documents shown per query and model
_LONGEST_TEXT = 160  # characters


@dataclass(frozen=True)
class Hit:
    """One document that a model found for a query."""

    document: str
    """Id of the document."""
    text: str
    """Its text, cut."""
    similarity: float
    """Its similarity to the query, by the similarity that the model declares."""
    relevant: bool
    """Whether it answers the query."""


@dataclass(frozen=True)
class WorstQuery:
    """One query whose score fell, with the top documents of both models, best first.

    `before` and `after` are in the metric's units. The ranks are those of the best relevant
    document, counted from 1; None if the top 10 holds none.
    """

    task: str
    query: str
    text: str
    before: float
    after: float
    rank_before: int | None
    rank_after: int | None
    old: tuple[Hit, ...]
    new: tuple[Hit, ...]


@dataclass(frozen=True)
class DarkDocument:
    """A relevant document that is no longer found for any of its queries.

    `query` is the text of the query that had found it at its best rank, `rank`, counted from 1.
    """

    task: str
    document: str
    text: str
    query: str
    rank: int


@dataclass(frozen=True)
class Change:
    """How the answers to one set of queries changed.

    Attributes
    ----------
    task
        Name of the evaluation set.
    worse, better, ties
        Queries whose score fell, rose or stayed.
    dark
        Relevant documents no longer found: before in the top 10 of one of their queries, now of
        none.
    found
        Relevant documents found for the first time: the reverse.
    vanished
        Documents, relevant or not, that were in the top 10 of some query before and of none now.
    """

    task: str
    worse: int
    better: int
    ties: int
    dark: int
    found: int
    vanished: int


@dataclass(frozen=True)
class Regressions:
    """What got worse between two models: counts per task, and the worst cases of all tasks."""

    changes: tuple[Change, ...]
    worst_queries: tuple[WorstQuery, ...]
    dark_documents: tuple[DarkDocument, ...]


def cut(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text on one line, cut to `longest` characters.

    Examples
    --------
    >>> cut("a flight,   a hotel and a train", 20)
    'a flight, a hotel a…'
    """
    # Documents may be long; only what can be shown is read.
    plain = " ".join(text[: 4 * longest].split())
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def regressions(
    sets: Sequence[EvaluationSet],
    before: tuple[Scorecard, Mapping[str, Ranking]],
    after: tuple[Scorecard, Mapping[str, Ranking]],
    *,
    metric: str,
    most: int = 20,
) -> Regressions:
    """Compare the answers of two models to the same sets.

    Parameters
    ----------
    sets
        What both models were scored on.
    before, after
        Scorecard and rankings (by the name of the set) of the older and the newer model.
    metric
        Metric by which queries are compared.
    most
        Maximum number of queries, and of documents, that are listed; all are counted.

    Examples
    --------
    >>> given = EvaluationSet("anchor/past", {"q": "flight"}, {"d": "a plane", "e": "a card"},
    ...     {"q": {"d": 1}})
    >>> def model(places, score):
    ...     from training.evaluation import TaskScores
    ...     scores = TaskScores(("q",), {"ndcg_at_10": np.array([score])}, given.digest)
    ...     found = np.array([places])
    ...     ranking = Ranking(("q",), ("d", "e"), found, np.ones_like(found, dtype=np.float32))
    ...     return Scorecard("", {given.name: scores}), {given.name: ranking}
    >>> found = regressions([given], model([0, 1], 1.0), model([1], 0.0), metric="ndcg_at_10")
    >>> found.changes[0].worse, found.changes[0].dark, found.dark_documents[0].text
    (1, 1, 'a plane')
    >>> [hit.text for hit in found.worst_queries[0].new]
    ['a card']
    """
    changes: list[Change] = []
    fallen: list[tuple[float, str, int, EvaluationSet]] = []
    dark: list[DarkDocument] = []
    for given in sets:
        old, new = before[1][given.name], after[1][given.name]
        falls = _falls(given.name, before[0], after[0], metric)
        lost = dark_documents(given, old, new)
        dark.extend(lost)
        worse = np.flatnonzero(falls > _ROUNDING)
        changes.append(
            Change(
                task=given.name,
                worse=len(worse),
                better=int((falls < -_ROUNDING).sum()),
                ties=int((np.abs(falls) <= _ROUNDING).sum()),
                dark=len(lost),
                found=len(_lost(given, new, old)[0]),
                vanished=len(np.setdiff1d(old.places, new.places)),
            )
        )
        fallen.extend((-float(falls[row]), given.name, int(row), given) for row in worse)
    fallen.sort(key=lambda each: each[:3])
    dark.sort(key=lambda each: (each.rank, each.task, each.document))
    return Regressions(
        changes=tuple(changes),
        worst_queries=tuple(
            _worst(given, row, before, after, metric) for _, _, row, given in fallen[:most]
        ),
        dark_documents=tuple(dark[:most]),
    )


def _falls(task: str, before: Scorecard, after: Scorecard, metric: str) -> NDArray[np.float64]:
    """Return how much each query's score fell, in the order of the rankings' queries."""
    old, new = before.tasks[task], after.tasks[task]
    return np.asarray(old.metrics[metric] - new.metrics[metric], dtype=np.float64)


def _relevant(given: EvaluationSet, ranking: Ranking) -> NDArray[np.bool_]:
    """Return (queries, depth): whether the document found answers the query."""
    place = {document: number for number, document in enumerate(ranking.document_ids)}
    wide = len(place)
    answers = [
        row * wide + place[document]
        for row, query in enumerate(ranking.query_ids)
        for document in given.relevant.get(query, ())
    ]
    rows = np.arange(len(ranking.query_ids), dtype=np.int64)[:, None]
    return np.isin(rows * wide + ranking.places, np.array(answers, dtype=np.int64))


def _lost(
    given: EvaluationSet, old: Ranking, new: Ranking
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the places of relevant documents that only the old ranking finds, and its hits."""
    hits = _relevant(given, old)
    return np.setdiff1d(old.places[hits], new.places[_relevant(given, new)]), hits


def dark_documents(given: EvaluationSet, old: Ranking, new: Ranking) -> list[DarkDocument]:
    """Return the relevant documents that only the old ranking finds, in the order of their ids."""
    lost, hits = _lost(given, old, new)
    rows, ranks = np.nonzero(hits)
    documents = old.places[rows, ranks]
    # Best rank first, so that the first appearance of each document is its best.
    order = np.lexsort((rows, ranks))
    found, first = np.unique(documents[order], return_index=True)
    best = order[first[np.isin(found, lost)]]
    return [
        DarkDocument(
            task=given.name,
            document=old.document_ids[documents[each]],
            text=cut(given.corpus[old.document_ids[documents[each]]]),
            query=cut(given.queries[old.query_ids[rows[each]]]),
            rank=int(ranks[each]) + 1,
        )
        for each in best
    ]


def _worst(
    given: EvaluationSet,
    row: int,
    before: tuple[Scorecard, Mapping[str, Ranking]],
    after: tuple[Scorecard, Mapping[str, Ranking]],
    metric: str,
) -> WorstQuery:
    query = before[1][given.name].query_ids[row]
    return WorstQuery(
        task=given.name,
        query=query,
        text=cut(given.queries[query]),
        before=float(before[0].tasks[given.name].metrics[metric][row]),
        after=float(after[0].tasks[given.name].metrics[metric][row]),
        rank_before=_rank(given, before[1][given.name], row),
        rank_after=_rank(given, after[1][given.name], row),
        old=tuple(_hits(given, before[1][given.name], row)),
        new=tuple(_hits(given, after[1][given.name], row)),
    )


def _rank(given: EvaluationSet, ranking: Ranking, row: int) -> int | None:
    answers = given.relevant.get(ranking.query_ids[row], {})
    found = (ranking.document_ids[place] in answers for place in ranking.places[row])
    return next((rank for rank, relevant in enumerate(found, 1) if relevant), None)


def _hits(given: EvaluationSet, ranking: Ranking, row: int) -> Iterator[Hit]:
    answers = given.relevant.get(ranking.query_ids[row], {})
    found = zip(ranking.places[row, :_TOP], ranking.similarities[row, :_TOP], strict=True)
    for place, similarity in found:
        document = ranking.document_ids[place]
        yield Hit(
            document=document,
            text=cut(given.corpus[document]),
            similarity=round(float(similarity), 4),
            relevant=document in answers,
        )
