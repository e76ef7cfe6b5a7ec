"""Removing from MLflow what nobody can promote any more; repeating it after a kill is safe.

MLflow deletes no files: of a version it hides the entry, of a run it keeps all rows until somebody
runs `mlflow gc`. So the files are deleted through MLflow's own repositories of artifacts. In a
database of the workspace's own, the rows of deleted runs and models go too.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from pipeline.registry.places import lies_in
from pipeline.registry.run_files import local_place
from pipeline.registry.runs import RegistryFault, clear_faults, every_page
from pipeline.registry.version import Version
from pipeline.registry.version_files import FILES_OF_VERSION
from pipeline.registry.versions import Registry

Which = Literal["version", "others", "all"]
"""Which files of a run: those of the version that it made, all others, or both."""


def delete_version(registry: Registry, version: Version) -> None:
    """Delete a version, its entry among the logged models, its files and its local copy.

    Raises
    ------
    RegistryFault
        It got an alias in the meantime, another version has its files, or MLflow refuses to delete
        it.
    """
    number = str(version.number)
    with clear_faults(f"delete version {number}"):
        there = [each for each in registry.versions() if each.number == version.number]
        if any(each.aliases for each in there):
            raise RegistryFault(f"version {number} has an alias now and stays")
        if other := same_files(registry, version):
            raise RegistryFault(f"{other} has the files of version {number}, which stays")
        if there:
            with _unless_gone():
                registry.client.delete_model_version(registry.name, number)
        if version.logged_model is not None:
            with _unless_gone():
                registry.client.delete_logged_model(version.logged_model)
            _for_good(registry, "_hard_delete_logged_model", version.logged_model)
    delete_files(registry, version.run_id, "version")
    delete_copy(registry, version.number)


def same_files(registry: Registry, version: Version) -> str:
    """Name another registered version with the files of a version; "" where there is none.

    MLflow's `copy_model_version` registers a version in another model and copies no files.
    """
    own = version.number, registry.name
    others = [each for each in registered(registry, version.run_id) if each != own]
    return _named(others[0]) if others else ""


def delete_run(registry: Registry, run: str) -> None:
    """Delete a run with all its files.

    Raises
    ------
    RegistryFault
        It holds the files of a registered version, or MLflow refuses to delete it.
    """
    for each in registered(registry, run):
        raise RegistryFault(f"the run {run} stays: it holds the files of {_named(each)}")
    delete_files(registry, run, "all")
    with clear_faults(f"delete the run {run}"), _unless_gone():
        registry.client.delete_run(run)
        _for_good(registry, "_hard_delete_run", run)


def delete_files(registry: Registry, run: str, which: Which) -> None:
    """Delete files of a run.

    Raises
    ------
    RegistryFault
        They cannot be deleted from here.
    """
    with clear_faults(f"delete files of the run {run}"):
        repository = repository_of(registry, run)
        if repository is None:
            return
        place = local_place(repository.artifact_uri)
        for each in _chosen(repository, which):
            if place is None:
                repository.delete_artifacts(each.path)
            else:
                # MLflow would take a percent sign in the path of a workspace for an escape.
                remove(place / each.path)
        if _chosen(repository, which):
            raise RegistryFault(
                f"the files of the run {run} at {repository.artifact_uri} cannot be deleted from "
                "here; delete them where MLflow keeps them"
            )
        if not repository.list_artifacts():
            _remove_empty(repository.artifact_uri)


def size_of_files(registry: Registry, run: str, which: Which) -> int:
    """Return the bytes that `delete_files` would free; 0 where it can free none."""
    with clear_faults(f"list the files of the run {run}"):
        repository = repository_of(registry, run)
        if repository is None:
            return 0
        return sum(_size(repository, each) for each in _chosen(repository, which))


def delete_copy(registry: Registry, number: int) -> None:
    """Delete the local copy of a version."""
    copy = copy_of(registry, number)
    lock = copy.with_name(f"{number}.lock")
    if copy.exists():
        with FileLock(lock):
            shutil.rmtree(copy)
    lock.unlink(missing_ok=True)


def copies(registry: Registry) -> list[int]:
    """Return the numbers of the versions that have a local copy."""
    found = copy_of(registry, 0).parent.glob("*")
    return sorted(int(each.name) for each in found if each.name.isdecimal() and each.is_dir())


def copy_of(registry: Registry, number: int) -> Path:
    """Return the folder of the local copy of a version, whether it is there or not."""
    return registry.state / "versions" / str(number)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there; of a link, only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def registered(registry: Registry, run: str) -> list[tuple[int, str]]:
    """Return the versions of all registered models whose files a run holds: number and model."""
    with clear_faults(f"look for versions of the run {run}"):
        found = every_page(
            lambda token: registry.client.search_model_versions(f"run_id='{run}'", page_token=token)
        )
    return [(int(each.version), str(each.name)) for each in found]


def _named(registered: tuple[int, str]) -> str:
    number, model = registered
    return f"version {number} of {model}"


def repository_of(registry: Registry, run: str) -> Any:
    """Return where the files of a run are; None where the run is gone, or they are another's."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = None
    with _unless_gone():
        uri = registry.client.get_run(run).info.artifact_uri
    if uri is None:
        return None
    place, root = local_place(uri), registry.state.parent
    if (
        _is_own(registry)
        and place is not None
        and not place.resolve().is_relative_to(root.resolve())
    ):
        # Of a copy with databases of its own, this may be where its original keeps its files.
        return None
    return get_artifact_repository(uri, tracking_uri=registry.client.tracking_uri)


def _chosen(repository: Any, which: Which) -> list[Any]:
    found = repository.list_artifacts()
    if which == "all":
        return list(found)
    return [each for each in found if (each.path in FILES_OF_VERSION) == (which == "version")]


def _size(repository: Any, found: Any) -> int:
    if not found.is_dir:
        return int(found.file_size or 0)
    return sum(_size(repository, each) for each in repository.list_artifacts(found.path))


def _remove_empty(uri: str) -> None:
    """Remove the folders that stay where all files of a run were deleted."""
    place = local_place(uri)
    if place is None:
        return
    for folder in (place, place.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _is_own(registry: Registry) -> bool:
    return lies_in(registry.client.tracking_uri, registry.state.parent)


def _for_good(registry: Registry, method: str, id: str) -> None:
    """Delete the rows of what is deleted, as `mlflow gc` does, in a database of the workspace."""
    if _is_own(registry):
        delete = getattr(registry.client._tracking_client.store, method, None)
        if delete is not None:
            with _unless_gone():
                delete(id)


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Take it for done where MLflow says that there is no such thing."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as fault:
        if fault.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
