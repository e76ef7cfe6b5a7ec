"""The judgement of one candidate: what the gate is given, and what is told beside its answer."""

import time
from typing import Any

import numpy as np

from pipeline.cycle.lesson import NEW_TASK, Lesson
from pipeline.cycle.window import Window
from pipeline.gate import Costs, HeldOut, measure, reuse_of, times_judged, told
from pipeline.registry import Version
from pipeline.workspace import OpenWorkspace
from training.evaluation import EvaluationSet, Scorecard
from training.pairs import normalised


def judge(
    opened: OpenWorkspace, champion: Version, candidate: Version, lesson: Lesson
) -> dict[str, Any]:
    """Compare champion, candidate and origin on the same queries; tag the candidate."""
    sets = lesson.measured_on
    origin = opened.versions.named("origin")

    def scored(version: Version) -> Scorecard:
        return opened.scores.of(opened.versions.folder(version), sets)

    gate = opened.settings.tables.gate
    verdict = gate.judge(
        scored(champion),
        scored(candidate),
        scored(origin) if origin.number != champion.number else None,
        margins=opened.anchor_sets.margins,
        costs=_costs(opened, champion, candidate, sets) if gate.measures_costs() else None,
    )
    reuse, worn = reuse_of(lesson.anchors, times_judged(opened.store.cycles()), gate)
    opened.registry.tag(candidate, {"anchorhold.verdict": verdict.outcome})
    told_first = verdict.to_json()
    return {**told_first, "reasons": [*told_first["reasons"], *worn], "reuse": reuse}


def _costs(
    opened: OpenWorkspace, champion: Version, candidate: Version, sets: list[EvaluationSet]
) -> Costs:
    """Measure both models side by side on queries that the gate judges by."""
    texts = [text for each in sets for text in each.queries.values()]
    return measure(
        opened.versions.folder(champion).model,
        opened.versions.folder(candidate).model,
        texts[:_TIMED_TEXTS],
        max_length=opened.settings.tables.model.max_length,
        clock=time.perf_counter,
    )


_TIMED_TEXTS = 64
"""Queries that are embedded in each timed round: two batches."""


def find_suspects(
    opened: OpenWorkspace,
    cycle: str,
    champion: Version,
    candidate: Version,
    lesson: Lesson,
    window: Window,
) -> dict[str, Any]:
    """Say which part of the refused pairs hurts; nearly all vectors it needs are cached."""
    tables = opened.settings.tables
    place: dict[str, int] = {}
    differences = np.empty(0)
    if lesson.new_task is not None:
        old, new = (
            opened.scores.of(opened.versions.folder(version), [lesson.new_task]).tasks[NEW_TASK]
            for version in (champion, candidate)
        )
        row = {query: number for number, query in enumerate(old.query_ids)}
        place = {normalised(text): row[key] for key, text in lesson.new_task.queries.items()}
        differences = tables.gate.differences(old, new)
    ranked = tables.suspects.rank(
        opened.store.pairs(role="recent", after=window.after, until=window.until),
        opened.store.files_of_pairs(after=window.after, until=window.until),
        lesson.memory,
        opened.encoders.load(opened.versions.folder(champion).model),
        HeldOut(place, differences, tables.gate.bounds),
    )
    return told(ranked, cycle)
