"""Whether a loss came with the last training: what the version before answers better."""

import logging
from collections.abc import Sequence

from drift_triggers.quality_drop import QualityDrop, loss_p_value
from drift_triggers.signal import Signal
from pipeline.cycle.guard import labelled_anew
from pipeline.registry import RegistryFault, VersionFolder
from pipeline.results import FineTuningResult
from pipeline.workspace import OpenWorkspace
from training.pairs import Pair

_EXPLAINS = 0.5
"""Share of a loss that the training must have cost to be its source: the larger part."""

logger = logging.getLogger(__name__)


def fine_tuning_loss(
    opened: OpenWorkspace,
    champion: VersionFolder,
    recent: Sequence[Pair],
    signals: Sequence[Signal],
    asked: QualityDrop,
) -> FineTuningResult | None:
    """Compare the champion with the version before where its quality fell; else return None.

    Both are scored on what is labelled anew: fresh pairs, and golden sets that changed. Each text
    is encoded once per model.

    Parameters
    ----------
    champion
        Its model and facts.
    recent
        Labelled pairs that arrived since it learned.
    signals
        What the triggers found.
    asked
        Its level of significance, and the number of queries that it needs.
    """
    lost = next((each for each in signals if each.trigger == asked.name and each.fired), None)
    parent = champion.facts().parent
    if lost is None or lost.effect is None or parent is None:
        return None
    sets = labelled_anew(opened, champion, recent, asked.minimum_queries)
    if not sets:
        return None
    try:
        before = opened.versions.folder(opened.registry.version(parent))
    except RegistryFault as fault:
        logger.warning("the champion is not compared with the version before: %s", fault)
        return None
    gate = opened.settings.tables.gate
    then, now = opened.scores.of(before, sets).tasks, opened.scores.of(champion, sets).tasks
    found = [
        (each.name, then[each.name].metrics[gate.metric], -gate.differences(*pair))
        for each in sets
        for pair in [(then[each.name], now[each.name])]
    ]
    task, scores, lower = max(found, key=lambda one: float(one[2].mean()))
    p_value = min(1.0, loss_p_value(lower) * len(found))
    cost = float(lower.mean())
    explains = p_value <= asked.significance and cost >= _EXPLAINS * lost.effect
    told = "came with" if explains else "is not shown to come with"
    return FineTuningResult(
        previous=int(parent),
        task=task,
        metric=gate.metric,
        queries=len(lower),
        previous_score=float(scores.mean()),
        champion_score=float(scores.mean()) - cost,
        difference=cost,
        p_value=p_value,
        explains=explains,
        reason=(
            f"the loss {told} the last training: on {len(lower)} queries of {task}, version "
            f"{parent} scores {scores.mean():.3f} and the champion {scores.mean() - cost:.3f} "
            f"(p = {p_value:.2g})"
        ),
    )


def came_with_training(champion: VersionFolder, found: FineTuningResult | None) -> bool | None:
    """Say whether a loss came with a training; None where that was not measured."""
    if champion.facts().parent is None:
        return False
    return found.explains if found else None
