"""Attempts: one training for each strategy that is tried, and the one that goes to the gate."""

import dataclasses
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.cycle.journal import Journal
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.record import record_training
from pipeline.registry import VersionFolder
from pipeline.workspace import OpenWorkspace
from training.evaluation import preferred
from training.faults import NonFiniteLoss
from training.pairs import memory_digest
from training.retention import Judge


def attempt(
    opened: OpenWorkspace, journal: Journal, run: str, champion: VersionFolder, lesson: Lesson
) -> dict[str, Any]:
    """Train with every strategy of the settings and choose one by the selection split.

    The trainings are siblings: each starts from the champion and is a run of its own below the
    cycle's. Pairs set aside choose among them, never the anchor sets: what chooses a model cannot
    vouch for it. A strategy whose training breaks off is out.

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
    dict
        The chosen training (see `pipeline.candidate.train`), its run, and under `attempts` a row on
        each that was tried, with the champion's scores on the selection split beside them.

    Raises
    ------
    NonFiniteLoss
        Every training broke off.
    """
    tried = {
        name: journal.once(
            f"train/{name}", partial(_train, opened, journal, run, champion, lesson, name)
        )
        for name in opened.settings.strategies
    }
    sound = {name: done for name, done in tried.items() if not done["fault"]}
    if not sound:
        raise NonFiniteLoss("; ".join(done["fault"] for done in tried.values()))
    chosen, before = next(iter(sound)), None
    if len(sound) > 1 and lesson.selection.sets:
        judge = selection_judge(opened, lesson)
        scored = journal.once("champion", lambda: {"selection": list(judge(champion.model))})
        before = scored["selection"]
        chosen = preferred({name: done["selection"] for name, done in sound.items()}, before)
    return {
        **sound[chosen],
        "attempts": [_row(done, chosen) for done in tried.values()],
        "champion_selection": before,
    }


def _train(
    opened: OpenWorkspace,
    journal: Journal,
    run: str,
    champion: VersionFolder,
    lesson: Lesson,
    strategy: str,
) -> dict[str, Any]:
    following = dataclasses.replace(opened, settings=opened.settings.following(strategy))
    folder = journal.folder / "attempts" / strategy
    try:
        done = train(following, champion, lesson.following(following.settings), folder)
    except NonFiniteLoss as fault:
        return {"strategy": strategy, "fault": f"training broke off: {fault}"}
    child = record_training(following, journal, run, done, strategy)
    done["folder"] = str((folder / done["folder"]).relative_to(journal.folder))
    return {"strategy": strategy, "fault": "", "run_id": child, **done}


def _row(done: dict[str, Any], chosen: str) -> dict[str, Any]:
    names = ("strategy", "fault", "selection", "pairs", "seconds", "run_id")
    return {**{name: done.get(name) for name in names}, "chosen": done["strategy"] == chosen}


def train(
    opened: OpenWorkspace, champion: VersionFolder, lesson: Lesson, folder: Path
) -> dict[str, Any]:
    """Fine-tune the champion on the mix; continued from a checkpoint when it was interrupted.

    Returns
    -------
    dict
        Folder, steps, seconds, precision, pairs, the log of the steps, what was mined and merged,
        and the (new, old) scores on the selection split where there is one.
    """
    tables = opened.settings.tables
    mixture = lesson.mixture
    mined = ""
    if tables.negatives.enabled:
        found = tables.negatives.mine(
            mixture.pairs, opened.encoders.load(champion.model), opened.progress
        )
        mixture = replace(mixture, pairs=found.pairs, digest=memory_digest(found.pairs))
        mined = found.reason
    training = tables.finetune.fit(
        champion.model,
        mixture,
        output=folder / "trained",
        checkpoints=folder / "checkpoints",
        max_length=tables.model.max_length,
        progress=opened.progress,
        cache=opened.encoders.cache,
    )
    merge = tables.merge if lesson.selection.sets else replace(tables.merge, shares=())
    judge = selection_judge(opened, lesson)
    merged = merge.choose(champion.model, training.folder, judge, output=folder / "merged")
    selection = {blend.share: (blend.new, blend.old) for blend in merged.curve}.get(merged.share)
    if selection is None and lesson.selection.sets:
        selection = judge(merged.folder)
    return {
        "folder": merged.folder.name,
        "selection": list(selection) if selection else None,
        "steps": training.steps,
        "seconds": training.seconds,
        "precision": training.precision,
        "pairs": training.pairs,
        "held": training.held,
        "log": [dict(row) for row in training.log],
        "negatives": mined,
        "merge": merged.reason,
        "share": merged.share,
        "curve": [asdict(blend) for blend in merged.curve],
    }


def selection_judge(opened: OpenWorkspace, lesson: Lesson) -> Judge:
    """Return what scores a model folder on the pairs set aside."""
    tables = opened.settings.tables
    return lesson.selection.judge(
        tables.model.max_length,
        cache=opened.encoders.cache,
        metric=tables.gate.metric,
        progress=opened.progress,
    )
