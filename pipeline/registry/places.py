"""The places of files that MLflow's database keeps as absolute paths, and how they follow a move.

MLflow writes the absolute location of an experiment's files into each run and version. Without
this, a workspace that was moved or copied would go on reading and writing at its old place.
"""

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.registry.runs import Tracking
from pipeline.store import replace_prefix

IDENTITY = "workspace.id"
"""File in a state folder that names the workspace."""

logger = logging.getLogger(__name__)

_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
    ("trace_tags", "value"),
)
"""(table, column) of MLflow's database that hold locations of files."""


@dataclass(frozen=True)
class Move:
    """A move of a workspace.

    Attributes
    ----------
    from_artifacts
        Folder of the files of runs at the old place; None where the workspace did not move.
    alone
        Held while recorded places are rewritten, so that no other process is at work.
    """

    from_artifacts: Path | None = None
    alone: AbstractContextManager[None] = field(default_factory=nullcontext)


NOT_MOVED = Move()


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a SQLite database; None where the URI names none.

    Examples
    --------
    >>> sqlite_file("sqlite:////data/50%25/mlflow.db?timeout=9").as_posix()
    '/data/50%/mlflow.db'
    """
    scheme, _, path = uri.partition(":///")
    path = unquote(path.partition("?")[0])
    if scheme.split("+")[0] != "sqlite" or path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path)


def follow(uri: str, recorded: str, artifacts: Path, state: Path, moved: Move) -> None:
    """Let MLflow's database name the place of the workspace's files of today.

    In the workspace's own database, what is recorded in the folder of a workspace was recorded
    before this one was moved or copied. In a shared database, only the place where this one was
    before is known to be its own. All else stays: a location that somebody chose for the
    experiment, or that of another workspace.

    Parameters
    ----------
    uri
        URI of the database.
    recorded
        Location of the experiment's files as the database has it.
    artifacts
        Where they are now.
    state
        The workspace's state folder.
    moved
        Where the workspace was before.
    """
    place = _local(recorded)
    if place is None or identity_at(place.parent) not in ("", identity_at(state)):
        return
    own = lies_in(uri, state.parent, state) and _of_a_workspace(place, artifacts)
    if own or place == moved.from_artifacts:
        with moved.alone:
            rows = replace_prefix(uri, _COLUMNS, recorded.rstrip("/"), artifacts.as_uri())
        logger.info("%s rows of MLflow's database name %s now, not %s", rows, artifacts, place)


def forget_places() -> None:
    """Let MLflow look up anew where the files of runs are.

    It keeps that per run for the whole process, also after a move. A copy has runs of the same
    names.
    """
    from mlflow.tracking._tracking_service import utils

    getattr(utils, "_artifact_repos_cache", {}).clear()


def keep_files_in(tracking: Tracking, artifacts: Path) -> None:
    """Let further runs keep their files in a workspace's own folder, not in another workspace's.

    An experiment has one location, in a shared database that of the workspace that made it. What
    is recorded already stays where it is.

    Parameters
    ----------
    tracking
        The experiment.
    artifacts
        The workspace's folder for the files of runs.
    """
    uri = tracking.client.tracking_uri
    if urlsplit(uri).scheme in ("http", "https"):
        return
    recorded = str(tracking.client.get_experiment(tracking.experiment).artifact_location)
    place, here = _local(recorded), artifacts.resolve()
    if place is None or place == here or not _of_a_workspace(place, here):
        return
    replace_prefix(uri, _COLUMNS[:1], recorded, here.as_uri())


def lies_in(uri: str, *folders: Path) -> bool:
    """Say whether a database is a file inside one of the folders."""
    file = sqlite_file(uri)
    return file is not None and any(
        file.resolve().is_relative_to(folder.resolve()) for folder in folders
    )


def identity_at(state: Path) -> str:
    """Return the identity of the workspace with a state folder; empty where there is none."""
    try:
        return (state / IDENTITY).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _of_a_workspace(place: Path, artifacts: Path) -> bool:
    """Say whether a folder is, or was, where a workspace keeps the files of runs."""
    named_so = place.parts[-2:] == artifacts.parts[-2:]
    return named_so or (place.name == artifacts.name and bool(identity_at(place.parent)))


def _local(location: str) -> Path | None:
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
