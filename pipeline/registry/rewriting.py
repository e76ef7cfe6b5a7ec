"""Changing what was recorded, for an erasure: the files of versions, and what runs say.

A version that was registered is sealed. Whoever changes its files seals it again: its manifest and
the tag with the digest of that follow, and the local copy is replaced.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock

from pipeline.registry.environment import without_progress_bars
from pipeline.registry.removal import copy_of, registered, remove, repository_of
from pipeline.registry.run_files import local_place, remove_unfinished
from pipeline.registry.runs import NOTE, PREFIX, clear_faults
from pipeline.registry.version import Version
from pipeline.registry.version_files import BESIDE, FILES_OF_VERSION, MANIFEST
from pipeline.registry.version_folder import VersionFolder
from pipeline.registry.versions import Registry
from training.manifest import FolderDamaged, Manifest
from training.whole_files import folder_written

_SEAL = f"{PREFIX}manifest"

_LINKED = ("model", "mlflow")
"""Folders of a version that no erasure changes: they hold no text of a user."""


def rewrite_version(
    registry: Registry, version: Version, change: Callable[[VersionFolder], None], place: Path
) -> None:
    """Change the files of a version beside its model, and seal it again.

    Repeating it after a kill ends the same way: the changed files are whole in a place of their own
    before the first of those in MLflow is replaced.

    Parameters
    ----------
    registry, version
        The version.
    change
        Changes its files; they may be written and deleted, but not written to.
    place
        Folder for the changed files, deleted at the end.

    Raises
    ------
    RegistryFault
        Its files are damaged already, or MLflow does not take the changed ones.
    """
    changed = place / str(version.number)
    if _sealed(changed) is None:
        copy = registry.fetch(version)
        with folder_written(changed) as partial:
            for each in sorted(copy.iterdir()):
                _copied(each, partial / each.name)
            change(VersionFolder(partial))
            (partial / MANIFEST).unlink()
            text = Manifest.of(partial).to_text()
            (partial / MANIFEST).write_text(text, encoding="utf-8")
    manifest = _sealed(changed)
    if manifest is None:
        raise FolderDamaged(
            f"{changed}: the changed files of version {version.number} are not whole"
        )
    with (
        FileLock(registry.state / "registry.lock"),
        clear_faults(f"change version {version.number}"),
    ):
        _store(registry, version.run_id, changed, manifest)
        registry.tag(version, {_SEAL: manifest.digest})
        for number, model in registered(registry, version.run_id):
            # A version that was copied to another registered model has the same files.
            if (number, model) != (version.number, registry.name):
                registry.client.set_model_version_tag(model, str(number), _SEAL, manifest.digest)
    copy = copy_of(registry, version.number)
    with FileLock(copy.with_name(f"{version.number}.lock")), folder_written(copy) as partial:
        shutil.copytree(changed, partial, copy_function=_linked, dirs_exist_ok=True)
    remove(changed)


def is_rewritten(version: Version, place: Path) -> bool:
    """Say whether the changed files of a version are whole, and only wait to be stored."""
    return _sealed(place / str(version.number)) is not None


def rewrite_records(
    registry: Registry,
    run: str,
    change: Callable[[Any], Any],
    pages: dict[str, str],
    *,
    only_count: bool = False,
) -> int:
    """Change what a run says: its tags, its JSON files and its pages; return how many changed.

    Parameters
    ----------
    registry, run
        The run.
    change
        Returns a JSON value without what is erased.
    pages
        Name -> content of pages that are written anew, where the run has them.
    only_count
        Change nothing.
    """
    with clear_faults(f"change the run {run}"), without_progress_bars():
        repository = repository_of(registry, run)
        if repository is None:
            return 0
        files = [
            each.path
            for each in repository.list_artifacts()
            if each.path not in FILES_OF_VERSION and not each.is_dir
        ]
        written = [each for each in files if each in pages]
        changed = {
            each: left
            for each in files
            if each not in pages and each.endswith(".json")
            if (left := _json_changed(registry, run, each, change)) is not None
        }
        tags = {
            name: left
            for name, value in registry.client.get_run(run).data.tags.items()
            if name == NOTE or name.startswith(PREFIX)
            if (left := change(value)) != value
        }
        if not only_count:
            remove_unfinished(repository.artifact_uri)
            for each in written:
                registry.client.log_text(run, pages[each], each)
            for each, left in changed.items():
                registry.log_json(run, each, left)
            for name, left in tags.items():
                registry.client.set_tag(run, name, left)
    return len(written) + len(changed) + len(tags)


def _json_changed(registry: Registry, run: str, name: str, change: Callable[[Any], Any]) -> Any:
    """Return what a JSON file of a run should say; None where it says that already."""
    with TemporaryDirectory(prefix="anchorhold-") as folder:
        # Always with a place of our own: without one MLflow returns the live folder.
        file = Path(registry.client.download_artifacts(run, name, folder))
        value = json.loads(file.read_text(encoding="utf-8"))
    left = change(value)
    return None if left == value else left


def _store(registry: Registry, run: str, folder: Path, manifest: Manifest) -> None:
    """Put changed files in the place of those of a run, and delete those that are gone."""
    repository = repository_of(registry, run)
    if repository is not None:
        remove_unfinished(repository.artifact_uri)
    for name in manifest.files:
        if name.split("/")[0] not in _LINKED:
            where = f"{BESIDE}/{name}".rpartition("/")[0]
            registry.client.log_artifact(run, str(folder / name), where)
    for name in _names(repository, BESIDE) if repository is not None else ():
        if name.removeprefix(f"{BESIDE}/") not in manifest.files:
            place = local_place(repository.artifact_uri)
            if place is None:
                repository.delete_artifacts(name)
            else:
                remove(place / name)
    registry.client.log_text(run, manifest.to_text(), MANIFEST)


def _names(repository: Any, folder: str) -> list[str]:
    found: list[str] = []
    for each in repository.list_artifacts(folder):
        found += _names(repository, each.path) if each.is_dir else [each.path]
    return found


def _sealed(folder: Path) -> Manifest | None:
    """Return the manifest of a folder that holds exactly its files; None for any other."""
    try:
        manifest = Manifest.from_text((folder / MANIFEST).read_text(encoding="utf-8"))
        manifest.verify(folder, besides=(MANIFEST,))
    except (OSError, FolderDamaged):
        return None
    return manifest


def _copied(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy2(source, target)
    else:
        linked = source.name in _LINKED
        shutil.copytree(source, target, copy_function=_linked if linked else shutil.copy2)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
