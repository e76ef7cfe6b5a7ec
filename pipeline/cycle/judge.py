"""Judging one candidate: what the gate is given, and what is reported beside its answer."""

import time
from collections.abc import Mapping

import numpy as np

from pipeline.cycle.lesson import NEW_TASK, Lesson
from pipeline.cycle.window import waiting_pairs
from pipeline.gate import Gate, HeldOut, Suspects, measure, overused, reuse_of
from pipeline.registry import Version, VersionFolder
from pipeline.results import ServingCosts, Suspect, Verdict, Window
from pipeline.store import Store
from pipeline.workspace import Scores, Versions
from training.pairs import LeakageGuard, normalised

_TIMED_TEXTS = 64
"""Queries that are embedded in each timed round: two batches."""


def floor(versions: Versions, champion: Version) -> tuple[VersionFolder | None, tuple[str, ...]]:
    """Return the first champion, below which no candidate may fall, or why there is none.

    Returns
    -------
    (VersionFolder or None, tuple of str)
        None where the first champion is the champion itself, or was deleted; then a sentence says
        so.
    """
    origin = versions.origin()
    if origin is None:
        return None, (
            "the first champion was deleted in MLflow: nothing was compared with it, so small "
            "losses may add up unseen",
        )
    return (versions.folder(origin) if origin.number != champion.number else None), ()


def judge(
    gate: Gate,
    scores: Scores,
    champion: VersionFolder,
    candidate: VersionFolder,
    origin: VersionFolder | None,
    lesson: Lesson,
    margins: Mapping[str, float],
    guard: LeakageGuard,
) -> Verdict:
    """Compare champion, candidate and origin on the same queries.

    Parameters
    ----------
    origin
        The first champion; None where it is the champion itself.
    lesson
        What the candidate learned from, with the mix that it was trained on.
    margins
        Margins of single anchor sets.
    guard
        Counts what of the mix is measured on too.
    """
    sets = lesson.measured_on
    return gate.judge(
        scores.of(champion, sets),
        scores.of(candidate, sets),
        scores.reaching(origin).of(origin, sets) if origin is not None else None,
        margins=margins,
        leaked=lesson.overlap(guard),
        costs=_costs(scores, champion, candidate, lesson) if gate.measures_costs() else None,
        gain_anywhere=lesson.given,
    )


def with_reuse(verdict: Verdict, lesson: Lesson, earlier: Mapping[str, int], gate: Gate) -> Verdict:
    """Return the verdict with how often each anchor set was used, and a warning for overuse."""
    reuse = reuse_of(lesson.anchors, earlier)
    return verdict.changed(reasons=(*verdict.reasons, *overused(reuse, gate)), reuse=reuse)


def _costs(
    scores: Scores, champion: VersionFolder, candidate: VersionFolder, lesson: Lesson
) -> ServingCosts:
    """Measure both models side by side on queries that the gate judges by."""
    texts = [text for each in lesson.measured_on for text in each.queries.values()]
    return measure(
        champion.model,
        candidate.model,
        texts[:_TIMED_TEXTS],
        load=scores.encoders.load_alone,
        clock=time.perf_counter,
    )


def find_suspects(
    suspects: Suspects,
    gate: Gate,
    scores: Scores,
    store: Store,
    champion: VersionFolder,
    candidate: VersionFolder,
    lesson: Lesson,
    window: Window,
) -> list[Suspect]:
    """Rank the parts of the refused pairs by how much harm they may do.

    Nearly all vectors that this needs are cached.
    """
    place: dict[str, int] = {}
    differences = np.empty(0)
    if lesson.new_task is not None:
        old, new = (
            scores.of(version, [lesson.new_task]).tasks[NEW_TASK]
            for version in (champion, candidate)
        )
        row = {query: number for number, query in enumerate(old.query_ids)}
        place = {normalised(text): row[key] for key, text in lesson.new_task.queries.items()}
        differences = gate.differences(old, new)
    held = {pair.id for pair in lesson.held}
    waiting = [pair for pair in waiting_pairs(store, window) if pair.id not in held]
    batch = lesson.learned if lesson.without_labels else waiting
    return suspects.rank(
        batch,
        store.files_of_pairs([pair.id for pair in batch]),
        lesson.memory,
        scores.encoders.load(champion.model),
        HeldOut(place, differences, gate.bounds),
    )
