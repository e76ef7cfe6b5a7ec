"""Restoring a workspace from a backup: all of it, checked, or nothing."""

import shutil
from pathlib import Path

from pydantic import ValidationError

from pipeline.machine import Archive, opened_archive
from pipeline.registry import identity_at
from pipeline.results import BACKUP_FORMAT, BackupManifest, Foreseen, RestoreResult, size
from pipeline.store import REVISIONS
from pipeline.workspace import SETTINGS_FILE, STATE_FOLDER
from training.faults import DataFault
from training.manifest import FileFact
from training.progress import Progress
from training.whole_files import folder_written


def restore(file: Path, folder: Path | None, progress: Progress, *, dry_run: bool) -> RestoreResult:
    """Make the workspace of a backup in a new folder; every file is checked before.

    Parameters
    ----------
    file
        The backup.
    folder
        The new workspace; by default, in the current folder, the name that it had.
    progress
        How to show progress.
    dry_run
        Whether only to check the backup.

    Raises
    ------
    DataFault
        The backup is not whole or of a newer anchorhold, or the folder is not empty. Nothing is
        left of a restore that did not end.
    """
    with opened_archive(file) as archive:
        manifest = _understood(file, archive)
        target = folder or Path(manifest.workspace)
        _must_be_empty(target)
        if dry_run:
            _take(archive, manifest, None, progress)
        else:
            try:
                with folder_written(target) as partial:
                    _must_fit(archive, partial)
                    _take(archive, manifest, partial, progress)
                    _must_be_empty(target)
            except OSError as fault:
                raise DataFault(
                    f"{target}: cannot be restored here: {fault.strerror or fault}; name a folder "
                    "that does not exist yet"
                ) from None
        digest = archive.digest
    bytes_ = sum(each.bytes for each in manifest.files.values())
    told = f"{len(manifest.files)} files, {size(bytes_)}, would be written to {target}"
    return RestoreResult(
        workspace=str(target),
        file=str(file),
        at=manifest.at,
        anchorhold=manifest.anchorhold,
        files=len(manifest.files),
        bytes=bytes_,
        digest=digest,
        left_out=manifest.left_out,
        notes=() if dry_run else _notes(manifest, target),
        foreseen=Foreseen(changes=(told,), bytes=bytes_) if dry_run else None,
    )


def _understood(file: Path, archive: Archive) -> BackupManifest:
    """Return what a backup says of itself, if this version reads it and it is about this file."""
    try:
        manifest = BackupManifest.model_validate_json(archive.manifest)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise archive.damaged(f"its manifest cannot be read ({place}: {first['msg']})") from None
    newer = ""
    if manifest.format != BACKUP_FORMAT:
        newer = f"has format {manifest.format}; this one reads format {BACKUP_FORMAT}"
    elif manifest.store_revision and manifest.store_revision > REVISIONS[-1]:
        newer = (
            f"has a store of revision {manifest.store_revision}; this one reads revisions up to "
            f"{REVISIONS[-1]}"
        )
    if newer:
        raise DataFault(
            f"{file} was written by anchorhold {manifest.anchorhold} and {newer}: restore it with "
            "that version"
        )
    if {name: each.bytes for name, each in manifest.files.items()} != archive.sizes:
        raise archive.damaged("its files are not those of its manifest")
    if SETTINGS_FILE not in manifest.files:
        raise archive.damaged(f"it has no {SETTINGS_FILE}")
    name = manifest.workspace
    if name in ("", ".", "..") or Path(name).name != name:
        raise archive.damaged(f"{name!r} is no name of a folder")
    return manifest


def _take(
    archive: Archive, manifest: BackupManifest, folder: Path | None, progress: Progress
) -> None:
    with progress("check" if folder is None else "restore", len(manifest.files)) as step:
        for name, each in manifest.files.items():
            archive.take(name, folder, FileFact(each.sha256, each.bytes))
            step(1)


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataFault(f"{folder} exists already; restore needs a new or empty folder")


def _must_fit(archive: Archive, folder: Path) -> None:
    needed, free = sum(archive.sizes.values()), shutil.disk_usage(folder).free
    if free < needed:
        raise DataFault(
            f"{folder.parent} has {size(free)} left, and the workspace needs {size(needed)}; make "
            "room, or restore elsewhere"
        )


def _notes(manifest: BackupManifest, folder: Path) -> tuple[str, ...]:
    """Say that there are two of one workspace now, if this machine can tell."""
    before = Path(manifest.place)
    identity = identity_at(folder / STATE_FOLDER)
    if folder.resolve() == before or not identity:
        return ()
    if identity_at(before / STATE_FOLDER) != identity:
        return ()
    return (
        f"{before} is the same workspace and still exists: go on with one of the two and remove "
        "the other",
    )
