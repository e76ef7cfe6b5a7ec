"""A new workspace: the folders and a settings file that explains every key."""

import ast
import dataclasses
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from pipeline.workspace.settings import BUILT_IN_TRIGGERS, SETTINGS_FILE, TABLE_WORKERS
from training.faults import DataFault

FOLDERS = ("history", "reference", "pairs", "traffic", "anchors")

_HEAD = """\
# Settings of an anchorhold workspace. Relative paths are relative to this folder; everything
# that is written lies under .anchorhold/ and in MLflow. A commented-out key shows its default.

[model]
name = "{name}"          # registered model and experiment in MLflow
base = "sentence-transformers/all-MiniLM-L6-v2"  # hub id or folder: the first champion
max_length = 128         # tokens

[data]
# Labelled pairs of the task(s) that the model serves already: {{"query": …, "positive": …}}
history = ["history/*.jsonl"]
# Optional: texts of the quiet past; without them, the queries of history are the reference.
reference = ["reference/*.jsonl"]
# Labelled pairs as they arrive.
pairs = ["pairs/*.jsonl"]
# Unlabelled texts as they arrive: {{"text": …}}
traffic = ["traffic/*.jsonl"]

# One table for each old task that must not get worse: a folder with corpus.jsonl,
# queries.jsonl and qrels.tsv.
# [anchors.support-2023]
# path = "anchors/support-2023"
# max_drop = 0.02        # overrides the gate's for this set
# slices = ["language"]  # columns of queries.jsonl: each value is compared on its own
"""


def make_workspace(directory: Path) -> dict[str, Any]:
    """Make folders and settings file in a directory; what is there already is never overwritten.

    Raises
    ------
    DataFault
        The directory is a workspace already, or cannot be written to.
    """
    settings = directory / SETTINGS_FILE
    if settings.exists():
        raise DataFault(f"{settings} exists already; `anchorhold init` never overwrites")
    try:
        for folder in FOLDERS:
            (directory / folder).mkdir(parents=True, exist_ok=True)
        settings.write_text(settings_text(directory.resolve().name), encoding="utf-8")
    except OSError as fault:
        raise DataFault(f"{directory}: cannot make a workspace here: {fault.strerror}") from None
    return {"workspace": str(directory), "settings": str(settings), "folders": list(FOLDERS)}


def settings_text(name: str) -> str:
    """Return a settings file in which every key stands with its meaning and default."""
    safe = "".join(letter if letter.isalnum() or letter in "_.-" else "-" for letter in name)
    parts = [_HEAD.format(name=safe.strip("-._") or "model")]
    for name, worker in BUILT_IN_TRIGGERS.items():
        parts.append(_table_text(f"triggers.{name}", worker, switch=True))
    for name, worker in TABLE_WORKERS.items():
        if name not in ("model", "data"):
            parts.append(_table_text(name, worker))
    return "\n".join(parts)


def _table_text(table: str, worker: Any, *, switch: bool = False) -> str:
    meanings = _meanings(worker)
    lines = [f"# {(worker.__doc__ or '').strip().splitlines()[0]}", f"[{table}]"]
    if switch:
        lines += ["# Whether this trigger looks at all.", "# enabled = true"]
    for field in dataclasses.fields(worker):
        default = (
            field.default.get_default(call_default_factory=True, validated_data={})
            if isinstance(field.default, FieldInfo)
            else field.default
        )
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        lines += [f"# {meanings[field.name]}", f"# {field.name} = {_toml(default)}"]
    return "\n".join(lines) + "\n"


def _meanings(worker: type) -> dict[str, str]:
    """Return what stands below each attribute in the source of a class.

    Pydantic can do this for every class as it is made, which costs every command a tenth of its
    start; only a new workspace needs it.
    """
    meanings = {}
    for attribute, below in pairwise(ast.parse(inspect.getsource(worker)).body[0].body):  # type: ignore[attr-defined]
        match attribute, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                meanings[name] = " ".join(text.split())
    return meanings


def _toml(value: Any) -> str:
    if value is None:
        return '"" (not set)'
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value)
