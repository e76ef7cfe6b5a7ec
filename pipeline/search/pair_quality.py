"""How well one pair of query model and index answers, beside full re-embedding and the old pair."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.gate import Gate
from pipeline.results import Estimate, PairQuality, TaskLoss
from pipeline.search.bridge import Floats
from pipeline.search.estimates import loss, share
from pipeline.search.spaces import DOCUMENTS, Both, Collection, Places, Spaces, Way
from training.evaluation import (
    DarkDocument,
    Ranking,
    TaskScores,
    dark_documents,
    scores_of_ranking,
)

PASS_RATES = (0.9, 0.75, 0.5, 0.25, 0.1)
"""Shares of results for which score thresholds are given."""
_RELEVANT_PASS = 0.9
_POINTS = 21
_SHOWN = 20


@dataclass(frozen=True)
class Answers:
    """What one way finds for the measured queries of one collection.

    Attributes
    ----------
    places, scores
        (queries, ten): documents and their scores, best first.
    """

    collection: Collection
    way: Way
    places: Places
    scores: Floats

    @classmethod
    def of(cls, collection: Collection, way: Way) -> "Answers":
        """Search a collection."""
        asked = collection.queries.at(collection.measured)
        return cls(collection, way, *way.search(asked, collection.documents))

    def kept(self, ideal: "Answers") -> NDArray[np.float64]:
        """Return for each query the share of the ideal documents that are among its own."""
        return overlap(self.places, ideal.places)

    @cached_property
    def task_scores(self) -> TaskScores | None:
        """The labelled metrics by query; None without labels."""
        given = self.collection.measured_set
        return None if given is None else scores_of_ranking(given, self.ranking)[given.name]

    @property
    def ranking(self) -> Ranking:
        """The same by ids."""
        return Ranking(
            tuple(self.collection.query_ids[row] for row in self.collection.measured),
            self.collection.document_ids,
            self.places,
            self.scores,
        )

    def scores_of(self, rows: Sequence[int], places: Sequence[int]) -> Floats:
        """Return the score of some queries, by their rows in the collection, with documents."""
        queries, documents = self.collection.queries, self.collection.documents
        return self.way.scores(queries.at(rows), documents.at(places))

    @cached_property
    def relevant_scores(self) -> Floats:
        """The score of each measured query with each of its relevant documents."""
        wanted = self.collection.relevant_pairs
        return self.scores_of([row for row, _ in wanted], [at for _, at in wanted])

    def reworded(self) -> NDArray[np.float64]:
        """Return for each reworded query the share of its documents that its rewordings find."""
        asked = self.collection.reworded
        if asked is None or not len(asked):
            return np.zeros(0)
        places, _ = self.way.search(asked, self.collection.documents)
        row_of = {row: at for at, row in enumerate(self.collection.measured)}
        own = np.array([row_of[row] for row in self.collection.reworded_of])
        kept = overlap(places, self.places[own])
        return np.array([kept[own == row].mean() for row in np.unique(own)])


@dataclass(frozen=True)
class Comparison:
    """Compares ways over the same collections.

    Attributes
    ----------
    collections
        What is searched.
    spaces
        The two spaces.
    gate
        Metric, confidence and largest loss.
    """

    collections: Sequence[Collection]
    spaces: Spaces
    gate: Gate

    @cached_property
    def ideal(self) -> list[Answers]:
        """What full re-embedding finds."""
        return self.answers(Way(self.spaces))

    @cached_property
    def before(self) -> list[Answers]:
        """What the old pair finds."""
        return self.answers(Way(self.spaces, old_queries=True))

    def answers(self, way: Way) -> list[Answers]:
        """Search all collections that have documents and measured queries."""
        return [
            Answers.of(each, way)
            for each in self.collections
            if len(each.documents) and each.measured
        ]

    def quality(self, found: Sequence[Answers]) -> PairQuality:
        """Measure one way by its answers."""
        dark = list(self._dark(found))
        tasks = list(self._losses(found))
        scores = _joined(each.scores for each in found)
        labelled = [each for each in found if each.task_scores is not None]
        points, old_points = self._recalibrated(found)
        return PairQuality(
            recall_kept=self.recall_kept(found),
            metric=float(np.concatenate([self._metric(each) for each in labelled]).mean())
            if labelled
            else None,
            loss=loss(np.concatenate([each for _, each in tasks]), self.gate) if tasks else None,
            tasks=tuple(
                TaskLoss(task=name, difference=estimate)
                for name, change in tasks
                if (estimate := loss(change, self.gate)) is not None
            ),
            dark=len(dark),
            dark_documents=tuple(dark[:_SHOWN]),
            paraphrase_recall=share(_joined(each.reworded() for each in found), self.gate),
            below_threshold=self._below(found),
            thresholds=tuple(float(np.quantile(scores, 1 - rate)) for rate in PASS_RATES)
            if len(scores)
            else (),
            scores=points,
            old_scores=old_points,
        )

    def recall_kept(self, found: Sequence[Answers]) -> Estimate | None:
        """Return the share of what re-embedding finds that is found.

        It is measured on the documents of the workspace, unless too few queries ask for those.
        """
        kept = {
            each.collection.name: each.kept(ideal)
            for each, ideal in zip(found, self.ideal, strict=True)
        }
        if len(kept.get(DOCUMENTS, ())) >= self.gate.minimum_queries:
            return share(kept[DOCUMENTS], self.gate)
        return share(_joined(kept.values()), self.gate)

    def _metric(self, found: Answers) -> NDArray[np.float64]:
        scores = found.task_scores
        assert scores is not None
        return scores.metrics[self.gate.metric]

    def _losses(self, found: Sequence[Answers]) -> Iterator[tuple[str, NDArray[np.float64]]]:
        for each, ideal in zip(found, self.ideal, strict=True):
            if each.task_scores is not None:
                yield each.collection.name, self._metric(each) - self._metric(ideal)

    def _dark(self, found: Sequence[Answers]) -> Iterator[DarkDocument]:
        """Yield the relevant documents that the old pair found and this way does not."""
        for each, before in zip(found, self.before, strict=True):
            given = each.collection.measured_set
            if given is not None:
                yield from dark_documents(given, before.ranking, each.ranking)

    def _below(self, found: Sequence[Answers]) -> float | None:
        """Return the share of relevant documents below the old pair's threshold for most."""
        before = _joined(each.relevant_scores for each in self.before)
        if not len(before):
            return None
        threshold = np.quantile(before, 1 - _RELEVANT_PASS)
        return float((_joined(each.relevant_scores for each in found) < threshold).mean())

    def _recalibrated(
        self, found: Sequence[Answers]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Fit the monotone map from the scores of a way to those of the old pair."""
        own, old = [], []
        for each, before in zip(found, self.before, strict=True):
            rows = np.repeat(each.collection.measured, each.places.shape[1])
            own.append(each.scores.ravel())
            old.append(before.scores_of(rows.tolist(), each.places.ravel().tolist()))
        scores, targets = _joined(own), _joined(old)
        if len(scores) < 2 or not np.ptp(scores):
            return (), ()
        from sklearn.isotonic import IsotonicRegression

        fitted = IsotonicRegression(out_of_bounds="clip").fit(scores, targets)
        points = np.unique(np.quantile(scores, np.linspace(0, 1, _POINTS)))
        return tuple(points.tolist()), tuple(fitted.predict(points).tolist())


def overlap(found: Places, wanted: Places) -> NDArray[np.float64]:
    """Return for each row which share of the wanted places is among those found.

    Examples
    --------
    >>> overlap(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 5]])).tolist()
    [1.0, 0.5]
    """
    if not wanted.size:
        return np.ones(len(wanted))
    return np.array([np.isin(*pair).mean() for pair in zip(wanted, found, strict=True)])


def neighbours(documents: Both, spaces: Spaces, rows: Sequence[int]) -> NDArray[np.float64]:
    """Return for some documents the share of the nine nearest others that both spaces share."""
    nearest = []
    for way in (Way(spaces), Way(spaces, old_queries=True)):
        own = Both(way.searched(documents), way.searched(documents))
        places, _ = way.search(own.at(rows), own)
        nearest.append(places)
    itself = np.asarray(rows)[:, None]
    return np.array(
        [
            np.isin(new[new != me], old[old != me]).mean() if len(new) > 1 else 1.0
            for new, old, me in zip(*nearest, itself.ravel(), strict=True)
        ]
    )


def _joined(parts: Iterable[NDArray[np.floating]]) -> NDArray[np.float64]:
    each = [np.asarray(part, dtype=np.float64).ravel() for part in parts]
    return np.concatenate(each) if each else np.zeros(0)
