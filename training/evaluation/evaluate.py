"""Evaluation: what a model finds for labelled queries by exact search, scored per query."""

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import Similarity, TextEncoder
from training.evaluation.dimensions import further_dimensions, task_at
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.score_format import ScoreFormat
from training.evaluation.scorecard import Scorecard, TaskScores
from training.evaluation.soft import DEEP, SOFT, grades_of, soft_ndcg, temperature_of
from training.faults import DataFault
from training.progress import Progress, no_progress
from training.settings import SETTINGS

METRICS = ("ndcg_at_10", "mrr_at_10", "recall_at_10")
"""Names of the metrics of trec_eval, all at 10."""
_DEPTH = 10
_FEW = 20  # times as many documents as wanted, from which not all are sorted


@plain_dataclass(frozen=True)
class Ranking:
    """What one model finds for the queries of one evaluation set, best documents first.

    Attributes
    ----------
    query_ids, document_ids
        Ids of the set, each in ascending order.
    places
        (queries, depth): the place of each document in `document_ids`.
    similarities
        (queries, depth): its similarity to the query, by the similarity that the model declares.
    soft
        (queries,): the soft nDCG@10; None where it was not computed.
    precision
        Number format in which the model computed.
    """

    query_ids: tuple[str, ...]
    document_ids: tuple[str, ...]
    places: NDArray[np.int32]
    similarities: NDArray[np.float32]
    soft: NDArray[np.float64] | None = None
    precision: str = "float32"


@dataclass(frozen=True, config=SETTINGS)
class Evaluate:
    """Score an encoder on evaluation sets by exact search, per query.

    Queries and documents are compared by the similarity that the model declares.

    The metrics (nDCG, reciprocal rank and recall, all at 10) are those of trec_eval through
    ir-measures; beside them there is the soft nDCG of `training.evaluation.soft`.
    """

    rows_at_once: int = Field(default=1024, ge=1)
    """Queries compared with the whole corpus at once; fewer need less RAM."""
    precision: ScoreFormat = "model"
    """Number format in which models compute for their scores; "model": `model.precision`.

    "auto" is bfloat16 where the model serves in float32 and this processor is faster in bfloat16.
    Scores in different formats are never compared (docs/measurements/precision.md).
    """

    def score(
        self,
        encoder: TextEncoder,
        sets: Sequence[EvaluationSet],
        progress: Progress = no_progress,
        dimensions: Sequence[int] = (),
    ) -> Scorecard:
        """Return the scorecard of an encoder.

        Parameters
        ----------
        encoder
            The model to score.
        sets
            What to score it on. A set is a task; each of its slices is a task "<set>/<slice>".
        progress
            Shows how many texts are encoded.
        dimensions
            Lengths to which vectors are cut too; each below that of the whole vectors makes a
            task "<set>/dim-<length>".

        Raises
        ------
        DataFault
            A length is above that of the whole vectors.
        """
        tasks: dict[str, TaskScores] = {}
        for given in sets:
            found = self.rank_at(encoder, given, (None, *dimensions), progress)
            for length, ranking in found.items():
                tasks |= scores_of_ranking(given, ranking, length)
        return Scorecard(encoder.fingerprint, tasks)

    def rank(
        self, encoder: TextEncoder, given: EvaluationSet, progress: Progress = no_progress
    ) -> Ranking:
        """Return the ten nearest documents of each query of a set."""
        return self.rank_at(encoder, given, (None,), progress)[None]

    def rank_at(
        self,
        encoder: TextEncoder,
        given: EvaluationSet,
        lengths: Sequence[int | None],
        progress: Progress = no_progress,
    ) -> dict[int | None, Ranking]:
        """Return the ten nearest documents of each query, by the length of the vectors.

        Parameters
        ----------
        lengths
            Dimensions to cut vectors to; None: whole vectors, for which their own length stands
            too.
        """
        # Sorted by id, so that documents of equal similarity rank by id for every model.
        ids, names = sorted(given.corpus), sorted(given.queries)
        if not names:
            nothing, soft = np.empty((0, 0)), np.empty(0)
            places, similarities = nothing.astype(np.int32), nothing.astype(np.float32)
            empty = Ranking((), tuple(ids), places, similarities, soft, encoder.precision)
            return {length: empty for length in lengths}
        asked = [given.queries[query] for query in names]
        queries = encoder.encode(asked, kind="query", progress=progress)
        corpus = [given.corpus[document] for document in ids]
        documents = encoder.encode(corpus, kind="document", progress=progress)
        shorter = further_dimensions([each for each in lengths if each], queries.shape[1])
        found: dict[int | None, Ranking] = {}
        for length in (None, *shorter) if None in lengths else shorter:
            places, similarities = nearest(
                encoder.similarity.ready(queries, length),
                encoder.similarity.ready(documents, length),
                depth=DEEP,
                rows_at_once=self.rows_at_once,
                similarity=encoder.similarity,
            )
            found[length] = Ranking(
                tuple(names),
                tuple(ids),
                places[:, :_DEPTH],
                similarities[:, :_DEPTH],
                _soft_scores(given, names, ids, places, similarities),
                encoder.precision,
            )
        return found


def scores_of_ranking(
    given: EvaluationSet, ranking: Ranking, dimensions: int | None = None
) -> dict[str, TaskScores]:
    """Return the scores of a ranking on its set and on each slice, by task name.

    Parameters
    ----------
    dimensions
        To what the vectors were cut; then the set is scored as a whole only. None: not at all.

    Raises
    ------
    DataFault
        A slice has the name of these dimensions.
    """
    whole = _task_scores(given, ranking)
    if dimensions is not None:
        name = task_at(given.name, dimensions)
        if name in {f"{given.name}/{each}" for each in given.slices}:
            raise DataFault(
                f"{name} is both a slice of {given.name} and the name of its scores at "
                f"{dimensions} dimensions (model.dimensions); give the slice another name"
            )
        return {name: whole}
    tasks = {given.name: whole}
    for name, queries in given.slices.items():
        tasks[f"{given.name}/{name}"] = whole.of_queries(queries)
    return tasks


def _task_scores(given: EvaluationSet, ranking: Ranking) -> TaskScores:
    import ir_measures
    from ir_measures import RR, R, nDCG

    names = ranking.query_ids
    metrics = {metric: np.zeros(len(names)) for metric in METRICS}
    if names:
        run = {
            query: {
                ranking.document_ids[place]: float(_DEPTH - rank)
                for rank, place in enumerate(found)
            }
            for query, found in zip(names, ranking.places.tolist(), strict=True)
        }
        judged = {query: dict(documents) for query, documents in given.relevant.items()}
        # Rankings end at 10, so that the plain reciprocal rank is the one at 10.
        measures = {nDCG @ _DEPTH: "ndcg_at_10", RR: "mrr_at_10", R @ _DEPTH: "recall_at_10"}
        place_of = {query: place for place, query in enumerate(names)}
        for value in ir_measures.pytrec_eval.iter_calc(list(measures), judged, run):
            metrics[measures[value.measure]][place_of[value.query_id]] = value.value
    if ranking.soft is not None:
        metrics[SOFT] = ranking.soft
    return TaskScores(names, metrics, given.digest, ranking.precision)


def _soft_scores(
    given: EvaluationSet,
    queries: Sequence[str],
    documents: Sequence[str],
    places: NDArray[np.int32],
    similarities: NDArray[np.float32],
) -> NDArray[np.float64]:
    if not places.size:
        return np.zeros(len(queries))
    grades, ideal = grades_of(given, queries, documents, places)
    return soft_ndcg(similarities, grades, ideal, temperature_of(similarities))


def nearest(
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    *,
    depth: int,
    rows_at_once: int,
    similarity: Similarity | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the documents of highest similarity for each query; equal ones keep their order.

    Parameters
    ----------
    queries
        (queries, dimensions), as the similarity takes them.
    documents
        (documents, dimensions), as the similarity takes them.
    depth
        Documents per query; all of them if there are fewer.
    rows_at_once
        Queries compared with all documents at once; limits the memory.
    similarity
        Compares them; None: the cosine.

    Returns
    -------
    tuple of numpy.ndarray
        Places of the documents in the rows of `documents`, and their similarities, both
        (queries, depth).

    Examples
    --------
    >>> documents = np.eye(3, dtype=np.float32)
    >>> places, similarities = nearest(documents[[2]], documents, depth=2, rows_at_once=10)
    >>> places.tolist(), similarities.tolist()
    ([[2, 0]], [[1.0, 0.0]])
    """
    width = min(depth, len(documents))
    places = np.empty((len(queries), width), dtype=np.int32)
    found = np.empty((len(queries), width), dtype=np.float32)
    compare = (similarity or Similarity()).between
    for start in range(0, len(queries), rows_at_once):
        similarities = compare(queries[start : start + rows_at_once], documents)
        best = _first(similarities, width)
        places[start : start + rows_at_once] = best
        found[start : start + rows_at_once] = np.take_along_axis(similarities, best, axis=1)
    return places, found


def _first(similarities: NDArray[np.float32], width: int) -> NDArray[np.integer]:
    """Return the columns of the highest values of each row, best first; equal ones by column."""
    if width * _FEW >= similarities.shape[1]:
        return np.argsort(-similarities, axis=1, kind="stable")[:, :width]
    # Only what is as good as the last one wanted is sorted: ten times faster among a million.
    least = np.partition(similarities, -width, axis=1)[:, -width]
    best = np.empty((len(similarities), width), dtype=np.int64)
    for row, bar in enumerate(least):
        some = np.flatnonzero(similarities[row] >= bar)
        best[row] = some[np.argsort(-similarities[row, some], kind="stable")[:width]]
    return best
