"""One thing that retention found: it goes, and how, or it stays, and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.machine import size_of_folder
from pipeline.registry import remove
from pipeline.results import GcKind


@dataclass(frozen=True)
class Old:
    """Something of a workspace that takes space.

    Attributes
    ----------
    kind, name
        What it is.
    why
        Why it goes, or stays.
    bytes
        Its size; None where it stays and was not measured.
    delete
        Deletes it, also what an interrupted deletion left of it; None: it stays.
    count
        How many it counts for.
    """

    kind: GcKind
    name: str
    why: str
    bytes: int | None = None
    delete: Callable[[], None] | None = None
    count: int = 1


def old_folder(kind: GcKind, folder: Path, why: str, name: str = "") -> Old:
    """Return a folder of this machine, or a file, that goes."""
    return Old(kind, name or folder.name, why, size_of_folder(folder), partial(remove, folder))


def old_files(kind: GcKind, name: str, files: Iterable[Path], why: str) -> Old:
    """Return files of this machine that go."""
    files = list(files)
    size = sum(map(size_of_folder, files))
    return Old(kind, name, why, size, partial(_unlink, files), count=len(files))


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
