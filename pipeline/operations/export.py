"""Export: the plain sentence-transformers folder of a version, for whoever serves it elsewhere."""

import shutil
from pathlib import Path
from typing import Any

from pipeline.workspace import OpenWorkspace
from training.faults import DataFault


def export_version(opened: OpenWorkspace, reference: str, directory: Path) -> dict[str, Any]:
    """Copy the model of a version or alias into a new folder, hash-checked.

    Raises
    ------
    DataFault
        The folder exists and is not empty, or cannot be written to.
    """
    version = opened.registry.version(reference)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise DataFault(f"{directory} exists already; export needs a new or empty folder")
    model = opened.versions.folder(version).model
    partial = directory.with_name(f".{directory.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(model, partial)
        if directory.exists():
            directory.rmdir()
        partial.rename(directory)
    except OSError as fault:
        raise DataFault(f"{directory}: cannot export here: {fault}") from None
    return {"version": version.number, "directory": str(directory)}
