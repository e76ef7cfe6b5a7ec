"""Files of a run that lie on this machine: their folder, and what a killed upload left in it."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

_UPLOADING = ".artifact.uploading.*"
"""How MLflow names a file that it has not written whole yet; it never removes those."""


def local_place(uri: str) -> Path | None:
    """Return the folder on this machine that a URI names; None where it is elsewhere."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def remove_unfinished(uri: str) -> None:
    """Remove what killed uploads left of files; nobody else may be writing to the run.

    Parameters
    ----------
    uri
        Where the files of the run are.
    """
    place = local_place(uri)
    if place is not None and place.is_dir():
        for left in place.rglob(_UPLOADING):
            left.unlink(missing_ok=True)
