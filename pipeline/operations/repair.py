"""Repairing a workspace from where it is whole; nothing is guessed.

What a person or another program may have meant, such as an alias that names another version, stays.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial

from pipeline.cycle import Champions, leftovers, repair_champion, repair_history_head
from pipeline.machine import disk_fault
from pipeline.registry import (
    Version,
    copy_of,
    fault_of_copy,
    fault_of_stored,
    remove,
    store_again,
)
from pipeline.results import DoctorPart, Repair
from pipeline.workspace import OpenWorkspace, Settings, open_workspace
from training.encoding import damaged_parts
from training.evaluation import damaged_scores
from training.faults import AnchorholdError
from training.whole_files import tidy_below

_RESTORE = (
    "restore a backup (`anchorhold restore`), or let another version serve (`anchorhold promote`)"
)

Work = Callable[[OpenWorkspace], Iterable[Repair]]


def repair_workspace(settings: Settings, now: datetime) -> Iterator[Repair]:
    """Repair what can be repaired, while nobody else works in the workspace.

    Parameters
    ----------
    settings
        Its settings.
    now
        The present, for the message to others.
    """
    try:
        with open_workspace(settings, doing="doctor --repair", now=now) as opened:
            for part, work in _WORK:
                yield from _tried(part, work, opened)
    except (AnchorholdError, OSError) as fault:
        yield _left("workspace", fault)


def _ended(opened: OpenWorkspace) -> Iterator[Repair]:
    """Tell what opening has ended: what processes that died had begun in MLflow."""
    for each in opened.registry.ended:
        yield Repair.made(
            "tracking", f"{each} was begun in MLflow by a process that died, and is ended"
        )


def _moves(opened: OpenWorkspace) -> Iterator[Repair]:
    meant = opened.store.intended_move()
    if meant is not None:
        Champions.of(opened).finish_interrupted_move()
        says = f"the interrupted move to version {meant['version']} is recorded, if it was made"
        yield Repair.made("cycles", says)


def _versions(opened: OpenWorkspace) -> Iterator[Repair]:
    for version in opened.registry.versions():
        yield from _tried("versions", partial(_version, version), opened)


def _version(version: Version, opened: OpenWorkspace) -> Iterator[Repair]:
    registry, number = opened.registry, version.number
    copy, stored = fault_of_copy(registry, version), fault_of_stored(registry, version)
    if stored and (copy or not copy_of(registry, number).is_dir()):
        says = (
            f"version {number} is damaged where it is stored, and here is no whole copy ({stored})"
        )
        yield Repair.left("versions", says, _RESTORE)
    elif stored:
        store_again(registry, version)
        says = f"version {number} was damaged where it is stored, and is whole again ({stored})"
        yield Repair.made("versions", says)
    elif copy:
        registry.fetch(version)
        says = f"the local copy of version {number} was damaged, and is fetched again ({copy})"
        yield Repair.made("versions", says)


def _caches(opened: OpenWorkspace) -> Iterator[Repair]:
    for what, damaged in (
        ("vectors", damaged_parts(opened.encoders.cache)),
        ("scores", damaged_scores(opened.scores.cache)),
    ):
        for file in damaged:
            remove(file)
        if damaged:
            says = f"{len(damaged)} damaged files of cached {what} are deleted; they are made anew"
            yield Repair.made("caches", says)


def _leftovers(opened: OpenWorkspace) -> Iterator[Repair]:
    gone = len(tidy_below(opened.settings.state))
    for each in leftovers(opened):
        if each.delete is not None:
            each.delete()
            gone += 1
    if gone:
        yield Repair.made("leftovers", f"{gone} files and folders of dead processes are deleted")


_WORK: tuple[tuple[DoctorPart, Work], ...] = (
    ("tracking", _ended),
    ("cycles", _moves),
    ("champion", repair_champion),
    ("champion", repair_history_head),
    ("versions", _versions),
    ("caches", _caches),
    ("leftovers", _leftovers),
)


def _tried(part: DoctorPart, work: Work, opened: OpenWorkspace) -> Iterator[Repair]:
    try:
        yield from work(opened)
    except (AnchorholdError, OSError) as fault:
        yield _left(part, fault)


def _left(part: DoctorPart, fault: Exception) -> Repair:
    says, _, remedy = str(disk_fault(fault) or fault).partition("; ")
    return Repair.left(part, says, remedy or "anchorhold doctor")
