"""The champion's quality on pairs that have just been labelled, beside those of its acceptance."""

from collections.abc import Sequence

from drift_triggers.signal import Quality
from pipeline.registry import VersionFolder
from pipeline.workspace import Scores
from training.evaluation import EvaluationSet
from training.pairs import Pair, hash_share, normalised

FRESH = "fresh pairs"
_KNOWN = "known pairs"
_SMALLEST = 20
"""Pairs of a known task: the mean of fewer tells little."""
MOST_PAIRS = 500
"""Pairs of each side: a loss of 0.1 of nDCG@10 is then five standard errors."""


def fresh_quality(
    scores: Scores,
    champion: VersionFolder,
    anchors: Sequence[EvaluationSet],
    recent: Sequence[Pair],
    metric: str,
) -> Quality | None:
    """Return the champion's scores on fresh labelled pairs beside those on what it was accepted on.

    All find their answers among the answers of all, so that only the queries differ. Golden sets
    cannot tell this: their queries keep the form that they had.

    A champion answers what it was trained on better than anything else. So the known queries are
    those of the anchor sets, which are never trained on: the old tasks, and the held-out pairs of
    earlier trainings. Fresh pairs may be of any of these tasks; a loss must show against the
    hardest. The first champion was not trained, and its pairs of memory are known as well as any.

    Parameters
    ----------
    scores
        Scores the champion; each text is encoded once.
    champion
        Its model and memory.
    anchors
        The anchor sets of the champion.
    recent
        Labelled pairs that arrived since it learned, oldest first; the newest are used.
    metric
        Name of the metric.

    Returns
    -------
    Quality or None
        Unpaired scores, the fresh ones in order of arrival; None where a side has no pairs.
    """
    known = [pairs for pairs in _known(champion, anchors) if len(pairs) >= _SMALLEST]
    return _beside(scores, champion, recent, known, metric)


def quality_beside(
    scores: Scores,
    champion: VersionFolder,
    recent: Sequence[Pair],
    others: Sequence[Pair],
    metric: str,
) -> Quality | None:
    """Return the champion's scores on recent labelled pairs beside those on others that it knows.

    Parameters and result are those of `fresh_quality`; `others` take the place of its known tasks.
    """
    return _beside(scores, champion, recent, [others] if others else [], metric)


def _beside(
    scores: Scores,
    champion: VersionFolder,
    recent: Sequence[Pair],
    tasks: Sequence[Sequence[Pair]],
    metric: str,
) -> Quality | None:
    """Return the scores on recent pairs beside those on the hardest of several tasks."""
    fresh = list(recent)[-MOST_PAIRS:]
    known = [_some(pairs) for pairs in tasks]
    if not fresh or not known:
        return None
    groups = [fresh, *known]
    sets = []
    for place, asked in enumerate(groups):
        others = [pair for other in groups if other is not asked for pair in other]
        size = len(asked) + len(others)
        name = f"{_KNOWN} {place}" if place else FRESH
        sets.append(EvaluationSet.from_pairs(name, asked, others, maximum_documents=size))
    found = scores.of(champion, sets).tasks
    hardest = min((found[each.name] for each in sets[1:]), key=lambda task: task.mean(metric))
    asked_for = [sets[0].queries[query] for query in found[FRESH].query_ids]
    arrival = {normalised(pair.query): place for place, pair in reversed([*enumerate(fresh)])}
    order = sorted(range(len(asked_for)), key=lambda row: arrival[normalised(asked_for[row])])
    return Quality(
        accepted=hardest.metrics[metric],
        now=found[FRESH].metrics[metric][order],
        paired=False,
        queries=tuple(asked_for[row] for row in order),
    )


def _known(champion: VersionFolder, anchors: Sequence[EvaluationSet]) -> list[list[Pair]]:
    """Return the pairs of each task that a champion was accepted on and not trained on."""
    if champion.facts().parent is None:
        return [champion.memory()]
    return [
        [
            Pair(f"{query} {document}", each.queries[query], each.corpus[document])
            for query, documents in each.relevant.items()
            for document in documents
        ]
        for each in anchors
    ]


def _some(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs, or as many of them as are scored."""
    return sorted(pairs, key=lambda pair: hash_share(0, "known", pair.id))[:MOST_PAIRS]
