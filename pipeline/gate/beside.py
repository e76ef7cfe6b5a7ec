"""The metric that is shown beside the one that decides: soft nDCG@10 and nDCG@10.

Which of the two decides is a setting, `gate.metric`, and never a matter of what they show: whoever
takes the better of two looks twice, and harm passes more often than the confidence says.
"""

import numpy as np

from pipeline.gate.bounds import lower_bound, upper_bound
from pipeline.results import MetricBeside
from training.evaluation import SOFT, TaskScores

_OTHER = {"ndcg_at_10": SOFT, SOFT: "ndcg_at_10"}
_DRAWS = 1_000  # soft differences seldom tie, which takes longer, and the bound decides nothing


def beside(
    metric: str,
    before: TaskScores,
    after: TaskScores,
    *,
    confidence: float,
    worst_loss: float,
    seed: int,
) -> MetricBeside | None:
    """Return the comparison by the other metric; None where either side lacks it.

    Parameters
    ----------
    metric
        The metric that decides.
    before, after
        Scores on the same queries.
    confidence, worst_loss, seed
        As in `lower_bound`.
    """
    other = _OTHER.get(metric)
    if other is None or not {other} <= before.metrics.keys() & after.metrics.keys():
        return None
    old, new = (np.asarray(each.metrics[other], np.float64) for each in (before, after))
    if not (len(new) and np.isfinite(new - old).all()):
        return None
    low, high = (
        bound(new - old, confidence, worst_loss=worst_loss, seed=seed, draws=_DRAWS)
        for bound in (lower_bound, upper_bound)
    )
    return MetricBeside(
        metric=other,
        champion=float(old.mean()),
        candidate=float(new.mean()),
        difference=float((new - old).mean()),
        low=low,
        high=high,
    )
