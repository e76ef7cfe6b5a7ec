"""Where the files of a version are stored: the model by itself, all else beside it, each checked.

The model has a folder of its own among the files of the run, which MLflow's loaders and servers
download; nothing of the user's texts is in it. Memory, reference, anchor sets and scores lie in
another one.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.registry.environment import without_progress_bars
from pipeline.registry.logged_models import LoggedModels
from pipeline.registry.mlflow_model import DESCRIPTION, WEIGHTS, write_description
from pipeline.registry.run_files import remove_unfinished
from pipeline.registry.runs import clear_faults
from training.manifest import FolderDamaged, Manifest
from training.whole_files import folder_written

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MANIFEST = "version.manifest.json"
"""File of the run, and of a local copy, that lists all files of the version."""

SOURCE = "model"
"""Folder of the run that is an MLflow model."""

BESIDE = "version"
"""Folder of the run with all else; in versions of earlier releases, with the model too."""

FILES_OF_VERSION = (SOURCE, BESIDE, MANIFEST)
"""Files and folders of the run that belong to the version."""

_MODEL, _DESCRIPTION = "model", "mlflow"
"""Folders of a local copy: the plain model, and what describes it to MLflow."""


def store_files(
    registry: LoggedModels, run: str, cycle: str, folder: Path, dimension: int | None
) -> tuple[str, Manifest]:
    """Store a version, so that repeating it after a kill stores the same once.

    Parameters
    ----------
    registry
        Where to.
    run, cycle
        What made it.
    folder
        Its files, with the plain model in "model".
    dimension
        Length of the model's embeddings; None where it is not known.

    Returns
    -------
    (str, Manifest)
        Id of its logged model, and all files by their path in a local copy.

    Raises
    ------
    FolderDamaged
        The folder is empty or holds links.
    """
    manifest = Manifest.of(folder)
    logged = registry.open_logged_model(run, cycle)
    client = registry.client
    remove_unfinished(client.get_run(run).info.artifact_uri)
    client.log_artifacts(run, str(folder / _MODEL), f"{SOURCE}/{WEIGHTS}")
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as place:
        description = Path(place)
        write_description(
            description, folder / _MODEL, dimension=dimension, run=run, logged_model=logged
        )
        described = Manifest.of(description).files
        client.log_artifacts(run, place, SOURCE)
    for each in sorted(folder.iterdir()):
        if each.name in (_MODEL, _DESCRIPTION):
            continue
        if each.is_dir():
            client.log_artifacts(run, str(each), f"{BESIDE}/{each.name}")
        else:
            client.log_artifact(run, str(each), BESIDE)
    whole = Manifest(
        {
            **manifest.files,
            **{f"{_DESCRIPTION}/{name}": fact for name, fact in described.items()},
        }
    )
    client.log_text(run, whole.to_text(), MANIFEST)
    registry.finish_logged_model(logged)
    return logged, whole


def stored_places(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield for each file of a local copy its path in it, and that among the files of the run."""
    names = list(names)
    # Versions of earlier releases have no description, and all their files together.
    described = f"{_DESCRIPTION}/{DESCRIPTION}" in names
    for name in names:
        folder, _, rest = name.partition("/")
        if described and folder == _MODEL:
            yield name, f"{SOURCE}/{WEIGHTS}/{rest}"
        elif described and folder == _DESCRIPTION:
            yield name, f"{SOURCE}/{rest}"
        else:
            yield name, f"{BESIDE}/{name}"


def fetch_files(client: "MlflowClient", run: str, digest: str, copy: Path) -> None:
    """Fetch a version beside its place, check every file, and move it there.

    Parameters
    ----------
    client
        Where from.
    run
        The run that made it.
    digest
        Of the manifest that was registered.
    copy
        The folder to make or to replace.

    Raises
    ------
    FolderDamaged
        What is stored is not what was registered; the message names the file.
    """
    with folder_written(copy) as beside:
        stored = beside / "download"
        stored.mkdir()
        with clear_faults(f"fetch version {copy.name}"), without_progress_bars():
            # Always with a place of our own: without one MLflow returns the live folder.
            client.download_artifacts(run, MANIFEST, str(stored))
            text = (stored / MANIFEST).read_text(encoding="utf-8")
            manifest = Manifest.from_text(text)
            if manifest.digest != digest:
                raise FolderDamaged(f"{MANIFEST}: is not the one that was registered (sha256)")
            client.download_artifacts(run, BESIDE, str(stored))
            if f"{_DESCRIPTION}/{DESCRIPTION}" in manifest.files:
                client.download_artifacts(run, SOURCE, str(stored))
                _arrange(stored)
        manifest.take(stored / BESIDE, beside)
        shutil.rmtree(stored)
        try:
            manifest.verify(beside)
        except FolderDamaged as fault:
            # Where it was fetched to is gone when somebody reads this.
            raise FolderDamaged(str(fault).replace(f"{beside}{os.sep}", "")) from None
        (beside / MANIFEST).write_text(text, encoding="utf-8")


def _arrange(stored: Path) -> None:
    """Put the model and its description where a local copy has them."""
    weights = stored / SOURCE / WEIGHTS
    if not weights.is_dir():
        raise FolderDamaged(f"{SOURCE}/{WEIGHTS}: the folder is missing")
    for source, name in ((weights, _MODEL), (stored / SOURCE, _DESCRIPTION)):
        target = stored / BESIDE / name
        # Only a process of an earlier release, killed while it stored a version, left any there.
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
