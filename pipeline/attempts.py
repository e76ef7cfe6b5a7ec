"""Attempts: one training for each strategy that is tried, and the one that goes to the gate."""

import dataclasses
from functools import partial
from typing import Any

from pipeline.candidate import Lesson, selection_judge, train
from pipeline.journal import Journal
from pipeline.record import record_training
from pipeline.version_folder import VersionFolder
from pipeline.wheel import Wheel
from training.selection import preferred
from training.soundness import NonFiniteLoss


def attempt(
    wheel: Wheel, journal: Journal, run: str, champion: VersionFolder, lesson: Lesson
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
            f"train/{name}", partial(_train, wheel, journal, run, champion, lesson, name)
        )
        for name in wheel.settings.strategies
    }
    sound = {name: done for name, done in tried.items() if not done["fault"]}
    if not sound:
        raise NonFiniteLoss("; ".join(done["fault"] for done in tried.values()))
    chosen, before = next(iter(sound)), None
    if len(sound) > 1 and lesson.selection.sets:
        judge = selection_judge(wheel, lesson)
        scored = journal.once("champion", lambda: {"selection": list(judge(champion.model))})
        before = scored["selection"]
        chosen = preferred({name: done["selection"] for name, done in sound.items()}, before)
    return {
        **sound[chosen],
        "attempts": [_row(done, chosen) for done in tried.values()],
        "champion_selection": before,
    }


def _train(
    wheel: Wheel,
    journal: Journal,
    run: str,
    champion: VersionFolder,
    lesson: Lesson,
    strategy: str,
) -> dict[str, Any]:
    following = dataclasses.replace(wheel, settings=wheel.settings.following(strategy))
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
