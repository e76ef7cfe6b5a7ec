"""The base model: where the settings name it, and whether that is what version 1 was made from."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.workspace.settings import Settings
from training.encoding import fingerprint
from training.faults import DataFault
from training.whole_files import written

NAMED = "anchorhold.base"
"""Tag of a first version: `model.base` as the settings named it."""
FILES = "anchorhold.base_files"
"""Tag of a first version: identity of what `model.base` held."""


@dataclass(frozen=True)
class Base:
    """The base that the settings name.

    Attributes
    ----------
    settings
        The settings of the workspace.
    """

    settings: Settings

    @property
    def named(self) -> str:
        """`model.base` as it is in the settings."""
        return self.settings.tables.model.base

    @property
    def place(self) -> str:
        """The base as a folder where the workspace has it, else as it is named."""
        inside = self.settings.root / self.named
        return str(inside) if inside.is_dir() else self.named

    def tags(self, fetched: Path) -> dict[str, str]:
        """Return the tags of a version that was made from the base.

        Parameters
        ----------
        fetched
            The model that was fetched; it tells for a hub id what the hub held.
        """
        return {NAMED: self.named, FILES: self._files() or _identity(fetched)}

    def warning(self, origin: Mapping[str, str]) -> str:
        """Say that the first version was made from something else; empty when it was not.

        A folder that was moved is the same base, and one that is gone is needed no more.

        Parameters
        ----------
        origin
            Tags of the first version.
        """
        then = origin.get(NAMED)
        if then is None:
            return ""
        files = self._files()
        if files and files == origin.get(FILES):
            return ""
        if then == self.named:
            if not files:
                return ""
            what = f"the files of model.base {self.named!r} are not those version 1 was made from"
            back = "restore the files"
        else:
            what = f"model.base is {self.named!r}, but version 1 was made from {then!r}"
            back = f"set model.base to {then!r}"
        return (
            f"{what}; the change has no effect: the base is read once, and all versions descend "
            f"from version 1. To begin with the other model, make a workspace of its own with "
            f"another model.name (anchorhold init); to end this warning, {back}"
        )

    def _files(self) -> str:
        """Return the identity of the base's files; empty where it is no folder with a model."""
        folder = Path(self.place).expanduser()
        if not folder.is_dir():
            return ""
        # Weights are hashed anew only where a file's size or time changed.
        stamp = [str(folder), *(list(each) for each in _stamp(folder))]
        cache = self.settings.state / "cache" / "base.json"
        known = _read(cache)
        if known.get("stamp") == stamp:
            return str(known["files"])
        files = _identity(folder)
        with written(cache) as file:
            file.write_text(json.dumps({"stamp": stamp, "files": files}), encoding="utf-8")
        return files


def length_warning(settings: Settings, number: int, then: int | None) -> str:
    """Say that a version was made with another `model.max_length`; empty when it was not.

    Parameters
    ----------
    number, then
        The version, and what `model.max_length` was when it was made.
    """
    now = settings.tables.model.max_length
    if then is None or then == now:
        return ""
    return (
        f"model.max_length is {now}, but version {number} was made with {then}: long texts get "
        f"other vectors, and no training starts; set it back to {then}, or begin anew in a "
        "workspace of its own with another model.name (anchorhold init)"
    )


def _identity(folder: Path) -> str:
    """Return what identifies a model, whatever its maximum length."""
    try:
        return fingerprint(folder, max_length=0)
    except (DataFault, OSError, ValueError):
        # A bare transformer without modules, or not a model any more.
        digest = hashlib.sha256()
        for name, _, _ in _stamp(folder):
            with (folder / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{name} {content}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _stamp(folder: Path) -> Iterator[tuple[str, int, int]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            facts = file.stat()
            yield file.relative_to(folder).as_posix(), facts.st_size, facts.st_mtime_ns


def _read(cache: Path) -> dict[str, Any]:
    try:
        known = json.loads(cache.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
