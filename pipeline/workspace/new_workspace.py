"""A new workspace: the folders, and a settings file with the keys that people set."""

import os
from pathlib import Path
from typing import Any

from pipeline.results import InitResult
from pipeline.workspace.reference import reference
from pipeline.workspace.settings import SETTINGS_FILE
from pipeline.workspace.toml_text import Line, toml_text
from training.faults import DataFault
from training.whole_files import written

FOLDERS = ("history", "reference", "pairs", "traffic", "anchors")

_HEAD = """
Settings of an anchorhold workspace. Relative paths are relative to this folder.
A key behind a # shows its default. All other settings have defaults, too:
`anchorhold settings` prints each with its meaning, default and allowed values.
"""
_DEFAULTS = {"model": ("max_length",), "gate": ("max_drop", "approval"), "tracking": ("uri",)}
"""Table -> keys that the file shows with their defaults."""
_ANCHORS = Line(
    "support-2023",
    {"path": "anchors/support-2023"},
    in_force=False,
    comments=(
        "A line for each old task that must not get worse: an evaluation set in a folder with "
        "corpus.jsonl, queries.jsonl and qrels.tsv.",
    ),
)


def make_workspace(directory: str | os.PathLike[str]) -> InitResult:
    """Make folders and settings file in a directory; what is there already is never overwritten.

    Raises
    ------
    DataFault
        The directory is a workspace already, or cannot be written to.
    """
    workspace = Path(directory)
    settings = workspace / SETTINGS_FILE
    if settings.exists():
        raise DataFault(f"{settings} exists already; `anchorhold init` never overwrites")
    try:
        for folder in FOLDERS:
            (workspace / folder).mkdir(parents=True, exist_ok=True)
        with written(settings) as partial:
            partial.write_text(settings_text(workspace.resolve().name), encoding="utf-8")
    except OSError as fault:
        raise DataFault(f"{workspace}: cannot make a workspace here: {fault.strerror}") from None
    return InitResult(workspace=str(workspace), settings=str(settings), folders=FOLDERS)


def settings_text(folder: str) -> str:
    """Return the settings file of a new workspace.

    Parameters
    ----------
    folder
        Name of the workspace's folder, after which the model is named.
    """
    letters = (
        letter if letter in "_.-" or (letter.isascii() and letter.isalnum()) else "-"
        for letter in folder
    )
    given: dict[str, dict[str, Any]] = {
        "model": {"name": "".join(letters).strip("-._") or "model"},
        "data": {key: [f"{key}/*.jsonl"] for key in ("history", "reference", "pairs", "traffic")},
    }
    tables = {}
    for table in reference():
        examples = {key.name: key.example for key in table.keys if key.required}
        values = examples | given.get(table.name, {})
        shown = [
            Line(key.name, values.get(key.name, key.default), key.name in values, (key.meaning,))
            for key in table.keys
            if key.name in values or key.name in _DEFAULTS.get(table.name, ())
        ]
        if table.place[0] == "anchors":
            tables["anchors"] = [_ANCHORS]
        elif shown:
            tables[table.name] = shown
    return toml_text(_HEAD, tables)
