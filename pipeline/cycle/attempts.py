"""Attempts: one training for each strategy that is tried, and the one that goes to the gate."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.cycle.centring import CENTRE, centre, centre_trained
from pipeline.cycle.journal import Journal
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.record import record_training
from pipeline.cycle.stages import Attempt, ChampionSelection
from pipeline.registry import VersionFolder
from pipeline.results import AttemptResult, TrainingResult
from pipeline.workspace import Encoders, OpenWorkspace, Settings
from training.evaluation import preferred
from training.faults import NonFiniteLoss
from training.finetuning import Job
from training.pairs import memory_digest
from training.progress import Progress
from training.retention import Judge
from training.retention.merge import Merged, interpolate


def attempt(
    opened: OpenWorkspace, journal: Journal, run: str, champion: VersionFolder, lesson: Lesson
) -> TrainingResult:
    """Train with every strategy of the settings and choose one by the selection split.

    The trainings are siblings: each starts from the champion and is a run of its own below the
    cycle's. Pairs set aside choose among them, never the anchor sets: what chooses a model cannot
    support it. A strategy whose training breaks off is out. Where there is too little to train on,
    or a choice is made anyway, the champion centred on the log is one of them.

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
    tried = [
        journal.once(
            f"train/{name}",
            partial(_train, opened, journal, run, champion, lesson, name),
            Attempt,
        )
        for name in opened.settings.strategies
        if not lesson.shortage
    ]
    if lesson.asked and (lesson.shortage or lesson.selection.sets):
        work = partial(_centre, opened, journal, run, champion, lesson)
        tried.append(journal.once(f"train/{CENTRE}", work, Attempt))
    sound = {each.strategy: each.training for each in tried if each.training is not None}
    if not sound:
        raise NonFiniteLoss("; ".join(each.fault for each in tried))
    chosen, before = next(iter(sound)), None
    if len(sound) > 1 and lesson.selection.sets:
        judge = selection_judge(opened.settings, opened.encoders, lesson, opened.progress)
        before = journal.once(
            "champion",
            lambda: ChampionSelection(selection=judge(champion.model)),
            ChampionSelection,
        ).selection
        scores = {name: each.selection for name, each in sound.items() if each.selection}
        chosen = preferred(scores, before)
    return sound[chosen].changed(
        attempts=tuple(_row(each, chosen) for each in tried), champion_selection=before
    )


def _centre(
    opened: OpenWorkspace, journal: Journal, run: str, champion: VersionFolder, lesson: Lesson
) -> Attempt:
    made = centre(opened, champion, lesson, journal.folder, run)
    if made.training is None or not lesson.selection.sets:
        return made
    judge = selection_judge(opened.settings, opened.encoders, lesson, opened.progress)
    scores = judge(journal.folder / made.training.folder)
    return made.changed(training=made.training.changed(selection=scores))


def _train(
    opened: OpenWorkspace,
    journal: Journal,
    run: str,
    champion: VersionFolder,
    lesson: Lesson,
    strategy: str,
) -> Attempt:
    settings = opened.settings.following(strategy)
    folder = journal.folder / "attempts" / strategy
    try:
        done = train(
            settings,
            opened.encoders,
            champion,
            lesson.following(settings),
            folder,
            opened.progress,
        )
    except NonFiniteLoss as fault:
        return Attempt(strategy=strategy, fault=f"training broke off: {fault}")
    finetune = settings.tables.finetune
    child = record_training(opened.registry, finetune, journal, run, done, strategy)
    placed = str((folder / done.folder).relative_to(journal.folder))
    done = done.changed(strategy=strategy, run_id=child, folder=placed)
    return Attempt(strategy=strategy, training=done)


def _row(attempt: Attempt, chosen: str) -> AttemptResult:
    done = attempt.training
    if done is None:
        return AttemptResult(strategy=attempt.strategy, fault=attempt.fault)
    return AttemptResult(
        strategy=attempt.strategy,
        selection=done.selection,
        pairs=done.pairs,
        seconds=done.seconds,
        run_id=done.run_id,
        chosen=attempt.strategy == chosen,
    )


def train(
    settings: Settings,
    encoders: Encoders,
    champion: VersionFolder,
    lesson: Lesson,
    folder: Path,
    progress: Progress,
) -> TrainingResult:
    """Fine-tune the champion on the mix; resumed from a checkpoint when it was interrupted.

    Returns
    -------
    TrainingResult
        Its `folder` is the name of the model's folder within `folder`; strategy and run are empty.

    Raises
    ------
    NonFiniteLoss
        The training diverged.
    """
    tables = settings.tables
    mixture = lesson.mixture
    mined = ""
    if tables.negatives.enabled:
        found = tables.negatives.mine(mixture.pairs, encoders.load(champion.model), progress)
        mixture = replace(mixture, pairs=found.pairs, digest=memory_digest(found.pairs))
        mined = found.reason
    length, cache = tables.model.max_length, encoders.cache
    job = Job(champion.model, mixture, folder / "trained", folder / "checkpoints", length, cache)
    training = tables.finetune.train(job, progress=progress, launcher=encoders.launcher)
    merge = tables.merge if lesson.selection.sets else replace(tables.merge, shares=())
    judge = selection_judge(settings, encoders, lesson, progress)
    merged = merge.choose(champion.model, training.folder, judge, output=folder / "merged")
    if lesson.without_labels:
        if not merge.shares:
            merged = _weakened(champion, merged, tables.unlabelled.blend, folder / "weakened")
        merged = centre_trained(settings, encoders, lesson, merged, folder / "centred")
    selection = {blend.share: (blend.new, blend.old) for blend in merged.curve}.get(merged.share)
    if selection is None and lesson.selection.sets:
        selection = judge(merged.folder)
    return TrainingResult(
        strategy="",
        run_id="",
        folder=merged.folder.name,
        selection=selection,
        steps=training.steps,
        seconds=training.seconds,
        precision=training.precision,
        pairs=training.pairs,
        held=training.held,
        log=tuple(dict(row) for row in training.log),
        negatives=mined,
        merge=merged.reason,
        share=merged.share,
        curve=merged.curve,
    )


def _weakened(champion: VersionFolder, trained: Merged, share: float, output: Path) -> Merged:
    """Return what was trained without labels, averaged with the champion."""
    if share == 1.0:
        return trained
    return Merged(
        folder=interpolate(champion.model, trained.folder, share, output=output),
        share=share,
        curve=(),
        reason=f"{share:.0%} of the way from champion to candidate, as nobody labelled the pairs",
    )


def selection_judge(
    settings: Settings, encoders: Encoders, lesson: Lesson, progress: Progress
) -> Judge:
    """Return what scores a model folder on the pairs set aside."""
    return lesson.selection.judge(
        encoders.max_length,
        cache=encoders.cache,
        metric=settings.tables.gate.metric,
        progress=progress,
    )
