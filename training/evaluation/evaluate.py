"""Evaluation: labelled retrieval sets, and a model's scores on them, query by query."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import TextEncoder
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.rankings import Ranking, nearest
from training.evaluation.scorecard import Scorecard, TaskScores
from training.progress import Progress, no_progress
from training.settings import SETTINGS

METRICS = ("ndcg_at_10", "mrr_at_10", "recall_at_10")
_DEPTH = 10


@dataclass(frozen=True, config=SETTINGS)
class Evaluate:
    """Score an encoder on evaluation sets by exact search, query by query.

    The metrics (nDCG, reciprocal rank and recall, all at 10) are those of trec_eval through
    ir-measures.
    """

    rows_at_once: int = Field(default=1024, ge=1)
    """Queries whose similarities to the whole corpus are held at once: bounds the memory."""

    def score(
        self, encoder: TextEncoder, sets: Sequence[EvaluationSet], progress: Progress = no_progress
    ) -> Scorecard:
        """Return the scorecard of the encoder; slices are scored as tasks "<set>/<slice>"."""
        tasks: dict[str, TaskScores] = {}
        for given in sets:
            tasks |= scores_of_ranking(given, self.rank(encoder, given, progress))
        return Scorecard(encoder.fingerprint, tasks)

    def rank(
        self, encoder: TextEncoder, given: EvaluationSet, progress: Progress = no_progress
    ) -> Ranking:
        """Return the ten nearest documents of each query of a set."""
        # By id first: documents of equal similarity (repeated texts) then rank by id for every
        # model.
        ids, names = sorted(given.corpus), sorted(given.queries)
        if not names:
            nothing = np.empty((0, 0))
            return Ranking((), tuple(ids), nothing.astype(np.int32), nothing.astype(np.float32))
        corpus = [given.corpus[document] for document in ids]
        asked = [given.queries[query] for query in names]
        places, cosines = nearest(
            encoder.encode(asked, kind="query", progress=progress),
            encoder.encode(corpus, kind="document", progress=progress),
            depth=_DEPTH,
            rows_at_once=self.rows_at_once,
        )
        return Ranking(tuple(names), tuple(ids), places, cosines)


def scores_of_ranking(given: EvaluationSet, ranking: Ranking) -> dict[str, TaskScores]:
    """Return the scores of a ranking on its set and each slice, by task name."""
    whole = _task_scores(given, ranking)
    tasks = {given.name: whole}
    for name, queries in given.slices.items():
        chosen = np.isin(whole.query_ids, list(queries))
        tasks[f"{given.name}/{name}"] = TaskScores(
            tuple(query for query, taken in zip(whole.query_ids, chosen, strict=True) if taken),
            {metric: values[chosen] for metric, values in whole.metrics.items()},
            whole.set_digest,
        )
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
        # Rankings end at 10, so that reciprocal rank without a depth is the one at 10.
        measures = {nDCG @ _DEPTH: "ndcg_at_10", RR: "mrr_at_10", R @ _DEPTH: "recall_at_10"}
        place_of = {query: place for place, query in enumerate(names)}
        for value in ir_measures.pytrec_eval.iter_calc(list(measures), judged, run):
            metrics[measures[value.measure]][place_of[value.query_id]] = value.value
    return TaskScores(names, metrics, given.digest)
