"""Attempts: one training for each strategy that is tried, and the one that goes to the gate."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pipeline.cycle.centring import CENTRE, centre
from pipeline.cycle.journal import Journal
from pipeline.cycle.ladder import most_promising
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.record import record_training
from pipeline.cycle.stages import Attempt, ChampionSelection
from pipeline.cycle.train_work import TrainTask, TrainWork
from pipeline.registry import VersionFolder
from pipeline.results import AttemptResult, TrainingResult
from pipeline.workspace import Encoders, OpenWorkspace
from training.distributed import Engine, kind_of
from training.faults import NonFiniteLoss
from training.finetuning import FineTune


def attempt(
    opened: OpenWorkspace, journal: Journal, run: str, champion: VersionFolder, lesson: Lesson
) -> TrainingResult:
    """Train with every strategy of the settings and choose one by the selection split.

    The trainings are siblings: each starts from the champion and is a run of its own below the
    cycle's. With workers they run at once. Pairs set aside choose among them, never the anchor
    sets: what chooses a model cannot support it. A strategy whose training breaks off is out. Where
    there is too little to train on, or a choice is made anyway, the champion centred on the log is
    one of them.

    Parameters
    ----------
    run
        The cycle's run.
    champion
        What every training starts from.
    lesson
        What is learned; each strategy draws a mix of its own.

    Returns
    -------
    TrainingResult
        The chosen training, with all attempts and the champion's scores on the selection split.

    Raises
    ------
    NonFiniteLoss
        Every training broke off.
    """
    work = TrainWork.of(opened.settings, opened.encoders, champion, lesson)
    tried = [] if lesson.shortage else _trained(opened, journal, run, work, lesson)
    if lesson.asked and (lesson.shortage or lesson.selection.sets):
        centring = partial(_centre, opened, journal, run, champion, work, lesson)
        tried.append(journal.once(f"train/{CENTRE}", centring, Attempt))
    sound = {each.strategy: each.training for each in tried if each.training is not None}
    if not sound:
        raise NonFiniteLoss("; ".join(each.fault for each in tried))
    chosen, before = next(iter(sound)), None
    if len(sound) > 1 and lesson.selection.sets:
        judge = work.judge(opened.progress)
        before = journal.once(
            "champion",
            lambda: ChampionSelection(selection=judge(champion.model)),
            ChampionSelection,
        ).selection
        scores = {name: each.selection for name, each in sound.items() if each.selection}
        chances = {name: sound[name].chance for name in scores}
        chosen = most_promising(scores, chances, before)
    return sound[chosen].changed(
        attempts=tuple(_row(each, chosen) for each in tried), champion_selection=before
    )


def _trained(
    opened: OpenWorkspace, journal: Journal, run: str, work: TrainWork, lesson: Lesson
) -> list[Attempt]:
    """Train with every strategy, as far as that is not done: one after another, or at once."""
    names, engine = opened.settings.strategies, opened.engine
    tasks = {
        name: TrainTask.of(name, journal.folder / "attempts" / name, opened.settings, lesson)
        for name in names
        if not journal.known(_stage(name))
    }

    def recorded(done: Attempt) -> Attempt:
        return _recorded(opened, journal, run, tasks[done.strategy].finetune, done)

    def train(name: str) -> Attempt:
        return recorded(work.done(tasks[name], opened.progress))

    left = list(tasks.values())
    if engine is not None and _at_once(left, engine, opened.encoders):
        began = time.perf_counter()
        with opened.progress("train", len(left)) as step:
            for _, done in engine.map(work.at(engine), left):
                # The time since the last one ended: together they give the time of all.
                now = time.perf_counter()
                journal.keep(_stage(done.strategy), recorded(done), now - began)
                began = now
                step(1)
    return [journal.once(_stage(name), partial(train, name), Attempt) for name in names]


def _stage(strategy: str) -> str:
    return f"train/{strategy}"


def _at_once(tasks: Sequence[TrainTask], engine: Engine, encoders: Encoders) -> bool:
    """Say whether the workers of an engine train, each one task: a task is for one process.

    A single one stays in this process, unless only workers have an accelerator.
    """
    if not tasks or any(task.finetune.processes > 1 for task in tasks):
        return False
    return len(tasks) > 1 or (kind_of(engine.device) != "cpu" and kind_of(encoders.device) == "cpu")


def _recorded(
    opened: OpenWorkspace, journal: Journal, run: str, finetune: FineTune, attempt: Attempt
) -> Attempt:
    """Record a training as a run of its own, and return it with that run and its place."""
    done, name = attempt.training, attempt.strategy
    if done is None:
        return attempt
    child = record_training(opened.registry, finetune, journal, run, done, name)
    placed = str(Path("attempts", name, done.folder))
    return attempt.changed(training=done.changed(run_id=child, folder=placed))


def _centre(
    opened: OpenWorkspace,
    journal: Journal,
    run: str,
    champion: VersionFolder,
    work: TrainWork,
    lesson: Lesson,
) -> Attempt:
    made = centre(opened, champion, lesson, journal.folder, run)
    if made.training is None or not lesson.selection.sets:
        return made
    judge, folder = work.judge(opened.progress), journal.folder / made.training.folder
    scored = made.training.changed(selection=judge(folder), chance=judge.chance(folder))
    return made.changed(training=scored)


def _row(attempt: Attempt, chosen: str) -> AttemptResult:
    done = attempt.training
    if done is None:
        return AttemptResult(strategy=attempt.strategy, fault=attempt.fault)
    return AttemptResult(
        strategy=attempt.strategy,
        selection=done.selection,
        chance=done.chance,
        pairs=done.pairs,
        seconds=done.seconds,
        run_id=done.run_id,
        chosen=attempt.strategy == chosen,
    )
