"""What is known of the champion's quality now: golden sets, fresh labelled pairs, and clicks."""

from collections.abc import Mapping, Sequence

from drift_triggers.signal import Quality
from pipeline.cycle.fresh_quality import FRESH, fresh_quality
from pipeline.cycle.window import Gathered
from pipeline.observation import click_quality
from pipeline.registry import VersionFolder
from pipeline.workspace import OpenWorkspace
from training.evaluation import EvaluationSet, Scorecard


def quality_now(
    opened: OpenWorkspace,
    champion: VersionFolder,
    gathered: Gathered,
    anchors: Sequence[EvaluationSet],
    today: Scorecard,
) -> dict[str, Quality]:
    """Return the champion's scores when it was accepted and now, by task.

    Parameters
    ----------
    champion
        Its model, memory and accepted scores.
    gathered
        The labelled pairs and the served log of the window.
    anchors, today
        Today's anchor sets, and the champion's scores on them.
    """
    metric = opened.settings.tables.gate.metric
    found = dict(_golden(champion, anchors, today, metric))
    fresh = fresh_quality(opened.scores, champion, anchors, gathered.pairs, metric)
    if fresh is not None:
        found[FRESH] = fresh
    return found | click_quality(gathered.answered, opened.settings.tables.feedback.ballot)


def _golden(
    champion: VersionFolder, anchors: Sequence[EvaluationSet], today: Scorecard, metric: str
) -> Mapping[str, Quality]:
    """Return the scores on anchor sets of which something changed since the acceptance.

    The same model has the same scores on the same set: to compare them would test nothing.
    """
    accepted = champion.scorecard()
    found = {}
    for each in anchors:
        then, now = accepted.tasks.get(each.name), today.tasks[each.name]
        if then is None or metric not in then.metrics:
            continue
        if (then.set_digest, accepted.fingerprint) == (now.set_digest, today.fingerprint):
            continue
        place = {query: row for row, query in enumerate(then.query_ids)}
        common = [row for row, query in enumerate(now.query_ids) if query in place]
        if common:
            earlier = [place[now.query_ids[row]] for row in common]
            found[each.name] = Quality(
                accepted=then.metrics[metric][earlier],
                now=now.metrics[metric][common],
                queries=tuple(each.queries[now.query_ids[row]] for row in common),
            )
    return found
