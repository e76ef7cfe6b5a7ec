"""The champion's quality on pairs that have just been labelled, beside pairs that it knows."""

from collections.abc import Sequence

from drift_triggers.signal import Quality
from pipeline.registry import VersionFolder
from pipeline.workspace import Scores
from training.evaluation import EvaluationSet
from training.pairs import Pair, hash_share

FRESH = "fresh pairs"
_KNOWN = "known pairs"
_LARGEST = 500
"""Pairs of each side: a loss of 0.1 of nDCG@10 is then five standard errors."""


def fresh_quality(
    scores: Scores, champion: VersionFolder, recent: Sequence[Pair], metric: str
) -> Quality | None:
    """Return the champion's scores on fresh labelled pairs beside those on pairs of its memory.

    Both find their answers among the answers of both, so that only the queries differ. Golden sets
    cannot tell this: their queries keep the form that they had.

    Parameters
    ----------
    scores
        Scores the champion; each text is encoded once.
    champion
        Its model and memory.
    recent
        Labelled pairs that arrived since it learned, oldest first; the newest are used.
    metric
        Name of the metric.

    Returns
    -------
    Quality or None
        Unpaired scores; None where there are no pairs on one of the sides.
    """
    return quality_beside(scores, champion, recent, champion.memory(), metric)


def quality_beside(
    scores: Scores,
    champion: VersionFolder,
    recent: Sequence[Pair],
    others: Sequence[Pair],
    metric: str,
) -> Quality | None:
    """Return the champion's scores on recent labelled pairs beside those on others that it knows.

    Parameters and result are those of `fresh_quality`; `others` take the place of its memory.
    """
    fresh = list(recent)[-_LARGEST:]
    known = sorted(others, key=lambda pair: hash_share(0, "known", pair.id))[:_LARGEST]
    if not fresh or not known:
        return None
    sets = [
        EvaluationSet.from_pairs(name, asked, others, maximum_documents=len(fresh) + len(known))
        for name, asked, others in ((FRESH, fresh, known), (_KNOWN, known, fresh))
    ]
    found = scores.of(champion, sets).tasks
    return Quality(
        accepted=found[_KNOWN].metrics[metric],
        now=found[FRESH].metrics[metric],
        paired=False,
        queries=tuple(sets[0].queries[query] for query in found[FRESH].query_ids),
    )
