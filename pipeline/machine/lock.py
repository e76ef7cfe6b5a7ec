"""One runner at a time: a lock on the workspace that says which process holds it."""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.machine.private_files import private_folder
from pipeline.machine.process import lives
from training.faults import AnchorholdError
from training.whole_files import written


class WorkspaceBusy(AnchorholdError, RuntimeError):
    """Another process is using the workspace; the message names it."""


@contextmanager
def hold_workspace(state: Path, *, doing: str, now: datetime) -> Iterator[None]:
    """Hold the workspace while the block runs; the operating system frees it if the process dies.

    Parameters
    ----------
    state
        The workspace's state folder.
    doing
        The command, for the message that others get.
    now
        Since when, for the same message.

    Raises
    ------
    WorkspaceBusy
        Another live process holds it.
    """
    private_folder(state)
    owner_file = state / "lock.owner"
    try:
        with FileLock(state / "lock").acquire(timeout=0):
            owner = {"pid": os.getpid(), "host": platform.node(), "doing": doing}
            owner["since"] = now.isoformat(timespec="seconds")
            with written(owner_file) as partial:
                partial.write_text(json.dumps(owner), encoding="utf-8")
            yield
    except Timeout:
        raise WorkspaceBusy(f"{state.parent} is in use{_described(owner_file)}") from None


@dataclass(frozen=True)
class Holder:
    """Who holds a workspace on this machine.

    Attributes
    ----------
    told
        The command and its process, as a person reads it.
    lives
        Whether that process is still there; in doubt, it is.
    """

    told: str
    lives: bool


def holder(state: Path) -> Holder | None:
    """Return who holds a workspace; None where nobody does. Nothing is written.

    Parameters
    ----------
    state
        The workspace's state folder.
    """
    lock = state / "lock"
    if not lock.exists():
        return None
    try:
        with FileLock(lock).acquire(timeout=0):
            return None
    except Timeout:
        pass
    try:
        owner = json.loads((state / "lock.owner").read_text(encoding="utf-8"))
        told = f"`anchorhold {owner['doing']}` (process {owner['pid']} on {owner['host']})"
        here = owner["host"] == platform.node()
        return Holder(told, lives=not here or lives({"process": str(owner["pid"])}))
    except (OSError, ValueError, KeyError):
        return Holder("another process", lives=True)


def _described(owner_file: Path) -> str:
    try:
        owner = json.loads(owner_file.read_text(encoding="utf-8"))
        return (
            f": `anchorhold {owner['doing']}` (process {owner['pid']} on {owner['host']}) has held "
            f"it since {owner['since']}; wait until it ends, then try again"
        )
    except (OSError, ValueError, KeyError):
        return " by another process; wait until it ends, then try again"
