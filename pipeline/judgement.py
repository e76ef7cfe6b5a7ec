"""The judgement of one candidate: what the gate is given, and what is told beside its answer."""

from typing import Any

import numpy as np

from pipeline.candidate import NEW_TASK, Lesson
from pipeline.registry import Version
from pipeline.suspects import HeldOut, told
from pipeline.wheel import Wheel
from pipeline.window import Window
from training.evaluate import Scorecard
from training.pairs import normalised


def judge(wheel: Wheel, champion: Version, candidate: Version, lesson: Lesson) -> dict[str, Any]:
    """Compare champion, candidate and origin on the same queries; tag the candidate."""
    sets = [*([lesson.new_task] if lesson.new_task else []), *lesson.anchors]
    origin = wheel.registry.version(wheel.store.promotions()[0].version)

    def scored(version: Version) -> Scorecard:
        return wheel.scores(wheel.folder(version), sets)

    verdict = wheel.settings.tables.gate.judge(
        scored(champion),
        scored(candidate),
        scored(origin) if origin.number != champion.number else None,
        margins=wheel.margins(),
    )
    wheel.registry.tag(candidate, {"anchorhold.verdict": verdict.outcome})
    return verdict.to_json()


def find_suspects(
    wheel: Wheel,
    cycle: str,
    champion: Version,
    candidate: Version,
    lesson: Lesson,
    window: Window,
) -> dict[str, Any]:
    """Say which part of the refused pairs hurts; nearly all vectors it needs are cached."""
    tables = wheel.settings.tables
    place: dict[str, int] = {}
    differences = np.empty(0)
    if lesson.new_task is not None:
        old, new = (
            wheel.scores(wheel.folder(version), [lesson.new_task]).tasks[NEW_TASK]
            for version in (champion, candidate)
        )
        row = {query: number for number, query in enumerate(old.query_ids)}
        place = {normalised(text): row[key] for key, text in lesson.new_task.queries.items()}
        differences = new.metrics[tables.gate.metric] - old.metrics[tables.gate.metric]
    ranked = tables.suspects.rank(
        wheel.store.pairs(role="recent", after=window.after, until=window.until),
        wheel.store.files_of_pairs(after=window.after, until=window.until),
        lesson.memory,
        wheel.encoder(wheel.folder(champion).model),
        HeldOut(place, differences, tables.gate.bounds),
    )
    return told(ranked, cycle)
