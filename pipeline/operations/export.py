"""Export: a version's model as a plain sentence-transformers folder, to serve it elsewhere."""

import shutil
from pathlib import Path

from pipeline.machine import size_of_folder
from pipeline.results import ExportResult, Foreseen
from pipeline.workspace import Versions
from training.faults import DataFault
from training.whole_files import folder_written


def export_version(
    versions: Versions, reference: str, directory: Path, *, dry_run: bool = False
) -> ExportResult:
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
        if dry_run:
            foreseen = Foreseen(
                changes=(f"version {version.number} would be written to {directory}",),
                seconds=0.0,
                bytes=size_of_folder(model),
            )
            return ExportResult(version=version.number, directory=str(directory), foreseen=foreseen)
        # The files of a workspace are private; those of an export are as the umask says.
        with folder_written(directory, private=False) as partial:
            for path in sorted(model.rglob("*")):
                target = partial / path.relative_to(model)
                if path.is_dir():
                    target.mkdir()
                else:
                    shutil.copyfile(path, target)
    except OSError as fault:
        raise DataFault(f"{directory}: cannot be written: {fault.strerror or fault}") from None
    return ExportResult(version=version.number, directory=str(directory))
