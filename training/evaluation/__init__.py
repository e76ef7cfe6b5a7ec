"""How well a model retrieves: evaluation sets, scores per query, and what got worse."""

from training.evaluation.beir import (
    SPLITS,
    collection,
    count_judged,
    is_beir,
    read_documents,
)
from training.evaluation.dimensions import (
    check_lengths,
    dimensions_of,
    further_dimensions,
    task_at,
)
from training.evaluation.evaluate import Evaluate, Ranking, nearest, scores_of_ranking
from training.evaluation.evaluation_set import EvaluationSet, content_id, left_out
from training.evaluation.learned_anchors import LEARNED, LearnedAnchors
from training.evaluation.query_slices import by_columns, by_folder, by_source
from training.evaluation.regressions import (
    Change,
    DarkDocument,
    Hit,
    Regressions,
    WorstQuery,
    cut,
    dark_documents,
    regressions,
)
from training.evaluation.score_cache import damaged_scores, rankings, scorecard
from training.evaluation.score_format import ScoreFormat, settled_format
from training.evaluation.scorecard import Scorecard, TaskScores
from training.evaluation.selection import Select, Selection, preferred
from training.evaluation.soft import SOFT

__all__ = [
    "LEARNED",
    "SOFT",
    "SPLITS",
    "Change",
    "DarkDocument",
    "Evaluate",
    "EvaluationSet",
    "Hit",
    "LearnedAnchors",
    "Ranking",
    "Regressions",
    "ScoreFormat",
    "Scorecard",
    "Select",
    "Selection",
    "TaskScores",
    "WorstQuery",
    "by_columns",
    "by_folder",
    "by_source",
    "check_lengths",
    "collection",
    "content_id",
    "count_judged",
    "cut",
    "damaged_scores",
    "dark_documents",
    "dimensions_of",
    "further_dimensions",
    "is_beir",
    "left_out",
    "nearest",
    "preferred",
    "rankings",
    "read_documents",
    "regressions",
    "scorecard",
    "scores_of_ranking",
    "settled_format",
    "task_at",
]
