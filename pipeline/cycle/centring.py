"""The centred champion: a candidate that needs no training and no pair."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.cycle.lesson import Lesson
from pipeline.cycle.stages import Attempt
from pipeline.registry import VersionFolder
from pipeline.results import TrainingResult
from pipeline.workspace import Encoders, OpenWorkspace, Settings
from training.faults import DataFault
from training.retention.merge import Merged
from training.unlabelled import Centre
from training.unlabelled.centre import is_centred, refuse_uncentrable

CENTRE = "centre"
"""Name of this way to make a candidate, among the strategies of a training."""


def centred_by(worker: Centre, champion: Path, queries: list[str]) -> list[str]:
    """Return the queries by which a model can be centred; none where it cannot be, or is not to."""
    if not worker.enabled or len(queries) < worker.minimum or is_centred(champion):
        return []
    try:
        refuse_uncentrable(champion)
    except DataFault:
        return []
    return queries


def centre(
    opened: OpenWorkspace, champion: VersionFolder, lesson: Lesson, folder: Path, run: str
) -> Attempt:
    """Make the centred champion.

    Parameters
    ----------
    opened, champion
        The open workspace, and what is centred.
    lesson
        Holds the queries of the log.
    folder
        The folder of the cycle.
    run
        The cycle's run.
    """
    began = time.perf_counter()
    place = folder / "attempts" / CENTRE
    vectors = opened.encoders.load(champion.model).unit_vectors(list(lesson.asked))
    made = opened.settings.tables.centre.make(champion.model, vectors, place)
    if made.folder is None:
        return Attempt(strategy=CENTRE, fault=made.reason)
    training = TrainingResult.untrained(
        CENTRE,
        run,
        str(place.relative_to(folder)),
        f"the champion was centred, not trained: {made.reason}",
        seconds=time.perf_counter() - began,
    )
    return Attempt(strategy=CENTRE, training=training)


def centre_trained(
    worker: Centre, encoders: Encoders, asked: Sequence[str], trained: Merged, output: Path
) -> Merged:
    """Take part of the mean of the log's queries off the vectors of what was trained.

    Parameters
    ----------
    worker, encoders
        Says how much, and encode the queries.
    asked
        Queries of the log.
    trained
        What was trained without labels.
    output
        The folder to write.
    """
    vectors = encoders.load(trained.folder).unit_vectors(list(asked))
    made = worker.make(trained.folder, vectors, output)
    if made.folder is None:
        return trained
    share = f"{worker.strength:.0%} of the mean of the log's queries is taken off"
    reason = f"{trained.reason}; {share}" if trained.reason else share
    return replace(trained, folder=made.folder, reason=reason)


def lesson_of(settings: Settings, lesson: Lesson, training: TrainingResult) -> Lesson:
    """Return the lesson with what the chosen candidate was trained on: the mix of its strategy."""
    if training.strategy == CENTRE:
        return replace(lesson, mixture=settings.tables.mix.draw([], []))
    return lesson.following(settings.following(training.strategy))
