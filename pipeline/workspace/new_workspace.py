"""A new workspace: the folders, and a settings file with the keys that people set."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pipeline.gate import Earlier, Gate, SetSize, outlook_of
from pipeline.intake import Found, find_data
from pipeline.results import Foreseen, FoundData, InitResult
from pipeline.workspace.reference import reference
from pipeline.workspace.settings import SETTINGS_FILE
from pipeline.workspace.toml_text import Line, toml_text, toml_value
from training.evaluation import count_judged
from training.faults import DataFault
from training.pairs import HoldOut
from training.whole_files import written

FOLDERS = ("history", "reference", "pairs", "traffic", "corpus", "log", "anchors")
Proxies = Literal["refuse", "allow"]
Ask = Callable[[], Proxies]
"""Asks a person whether a promotion may rest on evidence without labels."""

_HEAD = """
Settings of an anchorhold workspace. Relative paths are relative to this folder.
A key after a # shows its default. All other settings have defaults, too:
`anchorhold settings` prints each with its meaning, default and allowed values.
"""
_DEFAULTS = {
    "model": ("max_length",),
    "gate": ("max_drop", "approval", "proxies"),
    "tracking": ("uri",),
}
"""Table -> keys that the file shows with their defaults."""
_ABOUT_ANCHORS = (
    "A line for each old task that must not get worse: an evaluation set in a folder with "
    "corpus.jsonl, queries.jsonl and qrels.tsv. Beside its path, max_drop sets a margin of its own."
)
_EXAMPLE = Line(
    "support-2023", {"path": "anchors/support-2023"}, in_force=False, comments=(_ABOUT_ANCHORS,)
)
_ENDINGS = (".jsonl", ".csv", ".parquet")
"""What the folders of a new workspace take; a file of another kind there is told of."""
_LABELS = ("history", "pairs", "anchors")


@dataclass(frozen=True)
class Given:
    """What a new workspace begins with, beside the defaults.

    Attributes
    ----------
    data
        Key of `[data]` -> patterns.
    anchors
        Name -> folder of each anchor set.
    base
        Folder of the base model; empty: the default.
    proxies
        `gate.proxies`; None: the default.
    """

    data: Mapping[str, Sequence[str]] = field(default_factory=dict)
    anchors: Mapping[str, str] = field(default_factory=dict)
    base: str = ""
    proxies: Proxies | None = None


def make_workspace(
    directory: str | os.PathLike[str],
    sources: Sequence[str | os.PathLike[str]] = (),
    *,
    proxies: Proxies | None = None,
    ask: Ask | None = None,
    dry_run: bool = False,
) -> InitResult:
    """Make folders and settings file in a directory; what is there already is never overwritten.

    Parameters
    ----------
    sources
        Folders and files of data. What each holds is guessed, said and written into the settings;
        what is unclear is left out. None is copied or changed.
    proxies
        `gate.proxies`.
    ask
        Asks for it where there are no labels and it is not given.
    dry_run
        Only tell what would be made.

    Raises
    ------
    DataFault
        The directory is a workspace already, or cannot be written to; or a source does not exist.
    """
    workspace = Path(directory)
    settings = workspace / SETTINGS_FILE
    if settings.exists():
        raise DataFault(f"{settings} exists already; `anchorhold init` never overwrites")
    found = [_named_from(workspace, each) for each in find_data([Path(each) for each in sources])]
    labels = any(each.key in _LABELS for each in found)
    if sources and not labels and proxies is None and ask is not None:
        proxies = ask()
    given = _given(found, proxies)
    # Where data lies elsewhere, an empty folder that nothing reads would mislead.
    folders = tuple(each for each in FOLDERS if each not in {entry.key for entry in found})
    text = settings_text(workspace.resolve().name, given)
    if not dry_run:
        _make(workspace, folders, settings, text)
    sizes, unreadable = _sizes(workspace, given.anchors)
    outlook = outlook_of(sizes, Gate(), {}, Earlier(), held_out=HoldOut().maximum)
    notes = _notes(found, proxies or "refuse", labels=labels) if sources else []
    return InitResult(
        workspace=str(workspace),
        settings=str(settings),
        folders=folders,
        found=tuple(FoundData.model_validate(each, from_attributes=True) for each in found),
        proxies=proxies or "refuse",
        notes=(*notes, *unreadable),
        outlook=outlook,
        foreseen=_foreseen(workspace, folders, text) if dry_run else None,
    )


def _make(workspace: Path, folders: Sequence[str], settings: Path, text: str) -> None:
    try:
        for folder in folders:
            (workspace / folder).mkdir(parents=True, exist_ok=True)
        with written(settings) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise DataFault(f"{workspace}: cannot make a workspace here: {fault.strerror}") from None


def _foreseen(workspace: Path, folders: Sequence[str], text: str) -> Foreseen:
    missing = [each for each in folders if not (workspace / each).is_dir()]
    made = [f"the folders {', '.join(missing)} would be made"] if missing else []
    size = len(text.encode())
    return Foreseen(
        changes=(f"{workspace / SETTINGS_FILE} would be written", *made), seconds=0.0, bytes=size
    )


def settings_text(folder: str, given: Given | None = None) -> str:
    """Return the settings file of a new workspace.

    Parameters
    ----------
    folder
        Name of the workspace's folder, after which the model is named.
    given
        What it begins with beside the defaults.
    """
    given = given or Given()
    data = {key: [f"{key}/*{ending}" for ending in _ENDINGS] for key in FOLDERS if key != "anchors"}
    data["corpus"] = ["corpus/*"]  # Pages of text and folders of them, too.
    values: dict[str, dict[str, Any]] = {
        "model": {"name": _name(folder, "model")},
        "data": {**data, **{key: list(patterns) for key, patterns in given.data.items()}},
        "gate": {"proxies": given.proxies} if given.proxies else {},
    }
    if given.base:
        values["model"]["base"] = given.base
    tables = {}
    for table in reference():
        examples = {key.name: key.example for key in table.keys if key.required}
        chosen = examples | values.get(table.name, {})
        shown = [
            Line(key.name, chosen.get(key.name, key.default), key.name in chosen, (key.meaning,))
            for key in table.keys
            if key.name in chosen or key.name in _DEFAULTS.get(table.name, ())
        ]
        if table.place[0] == "anchors":
            tables["anchors"] = [
                Line(name, {"path": path}, in_force=True, comments=(_ABOUT_ANCHORS,))
                for name, path in given.anchors.items()
            ] or [_EXAMPLE]
        elif shown:
            tables[table.name] = shown
    return toml_text(_HEAD, tables)


def _named_from(workspace: Path, found: Found) -> Found:
    """Return what was found with its path as the settings name it: relative where it is inside."""
    root, path = Path(os.path.abspath(workspace)), Path(found.path)
    # Beside the workspace a path stays absolute, so that the workspace may move without its data.
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    key = "model.base" if found.key == "base" else found.key
    return Found(shown, key, found.files, found.what, found.why)


def _given(found: Sequence[Found], proxies: Proxies | None) -> Given:
    data: dict[str, list[str]] = {}
    anchors: dict[str, str] = {}
    bases = [each.path for each in found if each.key == "model.base"]
    for each in found:
        if each.key == "anchors":
            name = _name(Path(each.path).name, "anchors")
            while name in anchors:
                name += "-2"
            anchors[name] = each.path
        elif each.key in FOLDERS:
            data.setdefault(each.key, []).append(each.path)
    return Given(data, anchors, bases[0] if len(bases) == 1 else "", proxies)


def _sizes(workspace: Path, anchors: Mapping[str, str]) -> tuple[list[SetSize], list[str]]:
    """Return the sizes of the anchor sets, and why some cannot be read."""
    sizes, unreadable = [], []
    for name, path in anchors.items():
        try:
            sizes.append(SetSize(f"anchor/{name}", count_judged(workspace / path)))
        except DataFault as fault:
            unreadable.append(str(fault))
    return sizes, unreadable


def _notes(found: Sequence[Found], proxies: Proxies, *, labels: bool) -> list[str]:
    """Say what a person should know before the first run."""
    keys = {each.key for each in found}
    notes = []
    if sum(each.key == "model.base" for each in found) > 1:
        notes.append("several folders hold a model: set model.base to the one that serves")
    if not keys & {"history", "reference", "traffic", "log"}:
        notes.append(
            "no text of users was found: drift needs texts of before, as labelled pairs that the "
            "model serves already (data.history), texts of a quiet time (data.reference) or a log"
            f"{_queries_of(found)}"
        )
    if not labels:
        told = (
            "may rest on evidence without labels, and is stamped so"
            if proxies == "allow"
            else 'is refused without labels, unless gate.proxies = "allow"'
        )
        notes.append(f"there are no labels: a promotion {told}")
    return notes


def _queries_of(found: Sequence[Found]) -> str:
    """Say that the queries of an anchor set can be the reference."""
    for each in found:
        if each.key == "anchors":
            example = toml_value([f"{each.path}/queries.jsonl"])
            return f"; the queries of an anchor set will do: reference = {example}"
    return ""


def _name(text: str, otherwise: str) -> str:
    """Return a text as a name that the registry takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).strip("-._") or otherwise
