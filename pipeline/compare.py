"""Versions side by side: every task and slice, with the interval of each difference."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.registry import Version
from pipeline.wheel import Wheel
from training.evaluate import EvaluationSet, Scorecard
from training.pairs import DataFault


def compare_versions(wheel: Wheel, references: Sequence[str]) -> dict[str, Any]:
    """Score versions on today's anchor sets and hold each against the first.

    Sets that a version learned later are part of the comparison too: the union over the versions
    named. Scores come from the cache where a version was scored on a set before.

    Raises
    ------
    DataFault
        Fewer than two different versions, or nothing to compare them on.
    """
    versions = [wheel.registry.version(reference) for reference in references]
    if len({version.number for version in versions}) < 2:
        raise DataFault(
            "compare needs two different versions or aliases, such as: compare 1 champion"
        )
    sets = _all_sets(wheel, versions)
    if not sets:
        raise DataFault(
            "there is nothing to compare on: name an anchor set ([anchors.…], anchorhold.toml)"
        )
    cards = [wheel.scores(wheel.folder(version), sets) for version in versions]
    return {
        "metric": wheel.settings.tables.gate.metric,
        "versions": [
            {"version": version.number, "aliases": list(version.aliases)} for version in versions
        ],
        "tasks": [_row(wheel, task, cards) for task in cards[0].tasks],
    }


def _all_sets(wheel: Wheel, versions: Sequence[Version]) -> list[EvaluationSet]:
    found = {each.name: each for each in wheel.anchors(None)}
    for version in versions:
        for each in wheel.folder(version).learned_anchors():
            found.setdefault(each.name, each)
    return list(found.values())


def _row(wheel: Wheel, task: str, cards: Sequence[Scorecard]) -> dict[str, Any]:
    gate = wheel.settings.tables.gate
    first = cards[0].tasks[task].metrics[gate.metric]
    differences = []
    for card in cards[1:]:
        scores = card.tasks[task].metrics[gate.metric]
        low, high = gate.bounds(scores - first)
        differences.append(
            {
                "difference": float(np.mean(scores - first)),
                "low": low,
                "high": high,
                "better": int((scores > first).sum()),
                "worse": int((scores < first).sum()),
            }
        )
    return {
        "task": task,
        "queries": len(first),
        "means": [float(card.tasks[task].mean(gate.metric)) for card in cards],
        "differences": differences,
    }
