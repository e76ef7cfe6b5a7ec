"""Export: a version's model as a plain sentence-transformers folder, to serve it elsewhere."""

import shutil
from pathlib import Path

from pipeline.results import ExportResult
from pipeline.workspace import Versions
from training.faults import DataFault
from training.whole_files import folder_written


def export_version(versions: Versions, reference: str, directory: Path) -> ExportResult:
    """Copy the model of a version or alias into a new folder; its files are hash-checked first.

    Raises
    ------
    DataFault
        The folder exists and is not empty, or cannot be written to.
    """
    version = versions.named(reference)
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise DataFault(f"{directory} exists already; export needs a new or empty folder")
        model = versions.folder(version).model
        with folder_written(directory) as partial:
            shutil.copytree(model, partial, dirs_exist_ok=True)
    except OSError as fault:
        raise DataFault(f"{directory}: cannot be written: {fault.strerror or fault}") from None
    return ExportResult(version=version.number, directory=str(directory))
