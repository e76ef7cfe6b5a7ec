"""Repairing the files of a version from where they are whole: its local copy, or what is stored."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock

from pipeline.registry.removal import copy_of, remove, repository_of
from pipeline.registry.run_files import local_place
from pipeline.registry.runs import PREFIX, RegistryFault, clear_faults
from pipeline.registry.version import Version
from pipeline.registry.version_files import MANIFEST, fetch_files, stored_places
from pipeline.registry.versions import Registry
from training.manifest import FolderDamaged, Manifest
from training.whole_files import scratch_folder

_SEAL = f"{PREFIX}manifest"


def fault_of_copy(registry: Registry, version: Version) -> str:
    """Return why the local copy of a version is not what was registered.

    Empty where it is whole, and where there is none.
    """
    copy = copy_of(registry, version.number)
    if not os.path.lexists(copy):
        return ""
    try:
        manifest = _manifest_of(copy)
        if manifest.digest != version.tags.get(_SEAL):
            return f"{copy / MANIFEST}: is not the one that was registered (sha256)"
        manifest.verify(copy, besides=(MANIFEST,))
    except (OSError, UnicodeDecodeError, FolderDamaged) as fault:
        return str(fault)
    return ""


def fault_of_stored(registry: Registry, version: Version) -> str:
    """Return why what MLflow stores of a version is not what was registered.

    Empty where it is whole. All of it is fetched.
    """
    digest = version.tags.get(_SEAL, "")
    with scratch_folder(registry.state / f"stored-{version.number}") as place:
        try:
            fetch_files(registry.client, version.run_id, digest, place / str(version.number))
        except (FolderDamaged, RegistryFault, UnicodeDecodeError) as fault:
            return str(fault)
    return ""


def store_again(registry: Registry, version: Version) -> None:
    """Put the files of a whole local copy in the place of those that MLflow stores.

    Raises
    ------
    RegistryFault
        MLflow does not take them, or does not give them back as they are.
    """
    copy = copy_of(registry, version.number)
    client, run = registry.client, version.run_id
    with (
        FileLock(registry.state / "registry.lock"),
        clear_faults(f"store the files of version {version.number}"),
    ):
        manifest = _manifest_of(copy)
        places = dict(stored_places(manifest.files))
        _clear_the_way(registry, run, (*places.values(), MANIFEST))
        for name, stored in places.items():
            client.log_artifact(run, str(copy / name), stored.rpartition("/")[0])
        client.log_text(run, manifest.to_text(), MANIFEST)
    if left := fault_of_stored(registry, version):
        raise RegistryFault(f"version {version.number} is still damaged where it is stored: {left}")


def _manifest_of(copy: Path) -> Manifest:
    return Manifest.from_text((copy / MANIFEST).read_text(encoding="utf-8"))


def _clear_the_way(registry: Registry, run: str, names: Iterable[str]) -> None:
    """Remove what is no file where a file belongs, and what is no folder where one does."""
    repository = repository_of(registry, run)
    root = local_place(repository.artifact_uri) if repository is not None else None
    if root is None:
        return
    for name in names:
        if (root / name).is_dir():
            remove(root / name)
        for folder in _parents(root, name):
            if folder.exists() and not folder.is_dir():
                remove(folder)


def _parents(root: Path, name: str) -> Iterator[Path]:
    for each in Path(name).parents:
        yield root / each
