"""What of a workspace belongs into a backup, and what cannot be in it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.cycle import answers_folder
from pipeline.intake import is_saved, matches
from pipeline.registry import lies_in, sqlite_file, without_password
from pipeline.store import value_in
from pipeline.workspace import SETTINGS_FILE, Settings
from training.faults import DataFault

_MADE_AGAIN = ("cache", "versions", "tmp")
"""Folders of the state folder that anchorhold makes again."""
_LOCKS = ("lock", "lock.owner")
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal", ".lock")
_SERVER = "what is there is not in the backup"


@dataclass(frozen=True)
class Contents:
    """The parts of a workspace, by the way in which they are copied.

    Attributes
    ----------
    settings
        Its settings.
    """

    settings: Settings

    @property
    def databases(self) -> dict[str, Path]:
        """Store and MLflow's database, by their URL, where they are files of the workspace.

        The store comes first: a process that works in it may ask MLflow, and never the other way.
        """
        settings = self.settings
        found = {}
        for url in (settings.store_url, settings.tracking_uri):
            file = sqlite_file(url)
            if file is not None and self._is_inside(url) and file.is_file():
                found[url] = file
        return found

    def must_have_a_store(self) -> None:
        """Refuse to back up what holds nothing yet.

        Raises
        ------
        DataFault
            The store is a file that does not exist.
        """
        file = sqlite_file(self.settings.store_url)
        if file is not None and not file.is_file():
            raise DataFault(f"{file} does not exist yet; `anchorhold run` makes it, then back up")

    def files_elsewhere(self, tracking: Path) -> str:
        """Say where MLflow keeps the files of runs if that is not in the workspace; else empty.

        Parameters
        ----------
        tracking
            A copy of MLflow's database.
        """
        settings = self.settings
        name = settings.tables.model.name
        found = value_in(tracking, "experiments", "artifact_location", {"name": name})
        usual = settings.artifacts.parts[-2:]
        if not found or Path(unquote(urlsplit(found).path)).parts[-2:] == usual:
            return ""
        return f"files of runs are at {found}, as the experiment {name} says: {_SERVER}"

    def kept_files(self) -> Iterator[Path]:
        """Yield what the product wrote and cannot make again, apart from databases and locks."""
        state = self.settings.state
        yield from self._kept(state, _MADE_AGAIN)
        answers = answers_folder(self.settings)
        if answers.is_dir():
            # Another answer of a language model would be other pairs.
            yield from self._kept(answers, ())
        index = self._index
        if index is not None and index.is_dir() and not index.is_relative_to(state):
            yield from self._kept(index, ())

    def named_files(self) -> list[Path]:
        """Return the settings file and the files that the settings name inside the workspace."""
        found = {self.settings.root / SETTINGS_FILE: None}
        for path in (*self._named.values(), *self._code()):
            for each in _files(path):
                if self._lies_inside(each) and not each.is_relative_to(self.settings.state):
                    found[each] = None
        return list(found)

    def name(self, path: Path) -> str:
        """Return the name of a file in the backup: its path in the workspace."""
        inside = os.path.relpath(os.path.abspath(path), os.path.abspath(self.settings.root))
        return Path(inside).as_posix()

    def left_out(self) -> Iterator[str]:
        """Yield a sentence for each thing of the workspace that cannot be in the backup."""
        settings = self.settings
        tables = settings.tables
        for key, url, advice in (
            ("store.url", settings.store_url, "back that database up at the same time"),
            ("tracking.uri", settings.tracking_uri, "back MLflow up at the same time"),
        ):
            named = {"store.url": tables.store.url, "tracking.uri": tables.tracking.uri}[key]
            if not self._is_inside(url):
                yield f"{key} is {without_password(url)}: {_SERVER}; {advice}"
            elif Path(str(sqlite_file(named))).is_absolute():
                yield f"{key} is the absolute path {named}: a restored workspace looks there"
        for key, path in self._named.items():
            if not self._lies_inside(path):
                yield f"{key} names {path}, which is not inside the workspace"
        for key, patterns in tables.data.places.items():
            for each in patterns:
                if each.startswith(("hf:", "mlflow:")):
                    yield f"data.{key} names {each}, which is no file"
        if self._index is None:
            yield f"index.uri is {tables.index.place}: {_SERVER}; `anchorhold index build` fills it"

    @property
    def _index(self) -> Path | None:
        """The folder of the indexes; None where they are not inside the workspace."""
        uri = self.settings.tables.index.uri
        place = self.settings.root / uri
        return place if "://" not in uri and self._lies_inside(place) else None

    @cached_property
    def _named(self) -> dict[str, Path]:
        """Key of the settings and name -> each file or folder that it names."""
        settings, found = self.settings, {}
        tables, root = settings.tables, settings.root
        for key, patterns in tables.data.places.items():
            for each in matches([each for each in patterns if ":" not in each], root):
                path = each.path
                if path is None or not path.exists():
                    continue
                if path.is_file() or each.is_literal or key == "corpus" or is_saved(path):
                    found[f"data.{key} ({each.label})"] = path
        for name, anchor in tables.anchors.items():
            for folder in (*anchor.folders, *([anchor.reparsed] if anchor.reparsed else [])):
                found[f"anchors.{name} ({folder})"] = root / folder
        base = root / Path(tables.model.base).expanduser()
        if base.is_dir():
            found["model.base"] = base
        return found

    def _code(self) -> Iterator[Path]:
        """Yield the modules of the workspace, which its own triggers may be, or need."""
        root = self.settings.root
        yield from root.glob("*.py")
        for package in root.glob("*/__init__.py"):
            yield from package.parent.rglob("*.py")

    def _kept(self, top: Path, besides: tuple[str, ...]) -> Iterator[Path]:
        databases = [file.resolve() for file in self.databases.values()]
        for folder, folders, names in os.walk(top):
            here = Path(folder)
            near = [each.name for each in databases if each.parent == here.resolve()]
            beside = {f"{name}{end}" for name in near for end in ("", *_BESIDE_A_DATABASE)}
            folders[:] = sorted(each for each in folders if not _is_unfinished(each))
            if here == top:
                folders[:] = [each for each in folders if each not in besides]
            for name in sorted(names):
                locks = name in _LOCKS or name.endswith(".lock")
                if not (locks or _is_unfinished(name) or name in beside):
                    yield here / name

    def _is_inside(self, url: str) -> bool:
        return lies_in(url, self.settings.root)

    def _lies_inside(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.settings.root.resolve())


def _is_unfinished(name: str) -> bool:
    """Say whether a file or folder has not taken its place yet (`training.whole_files`)."""
    return name.startswith(".") and name.endswith(".partial")


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if Path(folder, name).is_file())
