"""Backing a workspace up into one file, of one moment, while others go on working in it.

The backup is what a kill in that moment would have left: both databases as they were while nobody
wrote to either, and the files of that moment. From such a state a cycle is resumed, and ends as if
nothing had happened.
"""

import itertools
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from pipeline.machine import hold_workspace, write_archive
from pipeline.operations.backup_contents import Contents
from pipeline.results import (
    BACKUP_FORMAT,
    BackedUpFile,
    BackupManifest,
    BackupResult,
    Foreseen,
    size,
)
from pipeline.store import copy_at_once, revision_of
from pipeline.workspace import Settings, must_have_been_used
from training.faults import DataFault
from training.manifest import FileFact
from training.progress import Progress
from training.whole_files import scratch_folder, written

_FOLDER = "backup"
"""Folder, among the temporary ones, of what belongs to the moment of a backup."""


def back_up(
    settings: Settings, file: Path, now: datetime, progress: Progress, *, dry_run: bool
) -> BackupResult:
    """Write a workspace into one file; nothing of the workspace changes.

    Parameters
    ----------
    settings
        The settings of the workspace.
    file
        The backup; an earlier one is replaced when this one is whole.
    now
        The present.
    progress
        How to show progress.
    dry_run
        Whether only to tell its size.

    Raises
    ------
    DataFault
        Nothing was ever run in the workspace, the file is something else, or it cannot be written.
    StoreUnusable
        A database is damaged.
    """
    must_have_been_used(settings)
    _must_be_free(file)
    contents = Contents(settings)
    contents.must_have_a_store()
    if dry_run:
        return _foreseen(contents, file, now)
    try:
        with (
            scratch_folder(settings.state / "tmp" / _FOLDER) as scratch,
            _still(settings, scratch, now) as still,
        ):
            return _written(contents, file, now, progress, scratch, still)
    except FileNotFoundError as fault:
        raise DataFault(
            f"{fault.filename} was removed while it was backed up; run the same command again"
        ) from None
    except OSError as fault:
        place = str(fault.filename or file)
        named = file if place.endswith(".partial") else place
        raise DataFault(
            f"{named}: {fault.strerror or fault}; no backup was made, and an earlier one stays"
        ) from None


def _written(
    contents: Contents,
    file: Path,
    now: datetime,
    progress: Progress,
    scratch: Path,
    still: Callable[[Path], Path],
) -> BackupResult:
    databases = contents.databases
    copies = {each: scratch / f"database-{n}" for n, each in enumerate(databases.values())}
    pinned: list[tuple[Path, Path]] = []

    def keep() -> None:
        for each in contents.kept_files():
            # What goes in that moment may be missing, as after a kill.
            with suppress(FileNotFoundError):
                pinned.append((each, still(each)))

    with progress("copy databases", 0):
        copy_at_once(copies, keep)
    kept = {contents.name(each): pin for each, pin in pinned}
    changed: dict[str, int] = {}
    for each, copy in copies.items():
        name = contents.name(each)
        kept[name], changed[name] = copy, int(each.stat().st_mtime)
    # What people add in the meantime is in the backup too: the store only lacks it.
    found = {contents.name(each): each for each in contents.named_files()} | kept
    url = contents.settings.store_url
    revision = revision_of(copies[databases[url]]) if url in databases else None
    left_out = [*contents.left_out()]
    uri = contents.settings.tracking_uri
    if uri in databases and (elsewhere := contents.files_elsewhere(copies[databases[uri]])):
        left_out.append(elsewhere)

    def manifest(files: Mapping[str, FileFact]) -> str:
        return _manifest(contents.settings, now, revision, tuple(left_out), files)

    def members() -> Iterator[tuple[str, Path, int]]:
        with progress("back up", len(found)) as step:
            for name in sorted(found):
                path = found[name]
                yield name, path, changed.get(name) or int(path.stat().st_mtime)
                step(1)

    with written(file) as partial:
        digest = write_archive(partial, members(), manifest)
    return BackupResult(
        file=str(file),
        at=now,
        files=len(found),
        bytes=file.stat().st_size,
        digest=digest,
        store_revision=revision,
        left_out=tuple(left_out),
    )


def _manifest(
    settings: Settings,
    now: datetime,
    revision: str | None,
    left_out: tuple[str, ...],
    files: Mapping[str, FileFact],
) -> str:
    root = settings.root.resolve()
    return BackupManifest(
        format=BACKUP_FORMAT,
        anchorhold=version("anchorhold"),
        at=now,
        workspace=root.name,
        place=str(root),
        store_revision=revision,
        left_out=left_out,
        files={
            name: BackedUpFile(sha256=fact.digest, bytes=fact.size) for name, fact in files.items()
        },
    ).to_text()


@contextmanager
def _still(settings: Settings, scratch: Path, now: datetime) -> Iterator[Callable[[Path], Path]]:
    """Give what keeps a file as it is: a second name of it, which stays when the first one goes.

    Where the file system has no second names, nobody may work in the workspace in the meantime.
    """

    def pin(path: Path) -> Path:
        pinned = scratch / str(next(numbers))
        os.link(path, pinned)
        return pinned

    numbers = itertools.count()
    probe = scratch / "probe"
    probe.touch()
    try:
        pin(probe)
    except OSError:
        with hold_workspace(settings.state, doing="backup", now=now):
            yield lambda path: path
    else:
        yield pin


def _must_be_free(file: Path) -> None:
    """Refuse to replace what is no archive."""
    if file.is_dir():
        raise DataFault(f"{file} is a folder; name the file of the backup, such as backup.tar")
    if file.exists() and not tarfile.is_tarfile(file):
        raise DataFault(f"{file} exists and is no backup; it is left as it is, name another file")


def _foreseen(contents: Contents, file: Path, now: datetime) -> BackupResult:
    databases = list(contents.databases.values())
    paths = {*databases, *contents.named_files(), *contents.kept_files()}
    bytes_ = sum(each.stat().st_size for each in paths)
    before = file.stat().st_size if file.exists() else 0
    what = "replaced" if file.exists() else "written"
    free = shutil.disk_usage(_existing(file)).free
    changes = [f"{file} would be {what}: {len(paths)} files, {size(bytes_)}"]
    if free < bytes_:
        changes.append(f"{size(free)} are free there, which is too little")
    return BackupResult(
        file=str(file),
        at=now,
        files=len(paths),
        bytes=bytes_,
        left_out=tuple(contents.left_out()),
        foreseen=Foreseen(changes=tuple(changes), bytes=bytes_ - before),
    )


def _existing(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    return next(each for each in path.absolute().parents if each.is_dir())
