"""The manifest: the sha256 and size of each file of a folder, checked before any of it is used."""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from training.faults import AnchorholdError
from training.whole_files import written

MANIFEST = "manifest.json"
"""File in which a sealed folder lists its files; written last, so a folder that has it is whole."""


class FolderDamaged(AnchorholdError):
    """The files of a folder are not those of its manifest; the message names the first one."""


@dataclass(frozen=True)
class FileFact:
    """What identifies one file."""

    digest: str
    """sha256 of its bytes, in hexadecimal."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class Manifest:
    """All files of a folder, by their path in it.

    Examples
    --------
    >>> manifest = Manifest({"model/weights": FileFact("00" * 32, 4)})
    >>> Manifest.from_text(manifest.to_text()) == manifest
    True
    """

    files: Mapping[str, FileFact]

    @classmethod
    def of(cls, folder: Path, besides: Collection[str] = ()) -> "Manifest":
        """Describe a folder.

        Parameters
        ----------
        besides
            Paths of files in the folder that are left out.

        Raises
        ------
        FolderDamaged
            The folder is empty, or holds a symbolic link, which could point anywhere.
        """
        files = {}
        for name, path in _plain_files(folder):
            if name not in besides:
                files[_contained(name)] = FileFact(_digest(path), path.stat().st_size)
        if not files:
            raise FolderDamaged(f"{folder} holds no file; a manifest needs at least one")
        return cls(files)

    def to_text(self) -> str:
        """Return the manifest as JSON, the same text for the same files."""
        return json.dumps(self.to_json(), indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Return a value for `json.dumps` from which `from_json` makes an equal manifest."""
        return {
            name: {"sha256": fact.digest, "bytes": fact.size} for name, fact in self.files.items()
        }

    @classmethod
    def from_text(cls, text: str) -> "Manifest":
        """Read what `to_text` returned.

        Raises
        ------
        FolderDamaged
            The text is not a manifest, or names a path outside the folder.
        """
        try:
            return cls.from_json(json.loads(text))
        except ValueError as fault:
            raise FolderDamaged(f"the manifest cannot be read: {fault}") from None

    @classmethod
    def from_json(cls, value: Any) -> "Manifest":
        """Return the manifest that `to_json` described.

        Raises
        ------
        FolderDamaged
            The value is not a manifest, or names a path outside the folder.
        """
        try:
            files = {
                name: FileFact(str(fact["sha256"]), int(fact["bytes"]))
                for name, fact in value.items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            raise FolderDamaged(f"the manifest cannot be read: {fault}") from None
        return cls({_contained(name): fact for name, fact in files.items()})

    @property
    def digest(self) -> str:
        """The sha256 of the manifest, and so of all files."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def verify(self, folder: Path, besides: Collection[str] = ()) -> None:
        """Check that the folder holds exactly these files, apart from those of `besides`.

        Raises
        ------
        FolderDamaged
            A file is missing, differs, is a link, or was added.
        """
        for name, fact in self.files.items():
            path = folder / name
            if path.is_symlink() or not path.is_file():
                raise FolderDamaged(f"{path}: the file is missing or is a link")
            size = path.stat().st_size
            if size != fact.size:
                raise FolderDamaged(f"{path}: has {size} bytes, the manifest says {fact.size}")
            if _digest(path) != fact.digest:
                raise FolderDamaged(f"{path}: its sha256 is not the one in the manifest")
        for name, path in _plain_files(folder):
            if name not in self.files and name not in besides:
                raise FolderDamaged(f"{path}: the file is not in the manifest")

    def take(self, source: Path, target: Path) -> None:
        """Move the files of the manifest, and only these, from one folder to another.

        Raises
        ------
        FolderDamaged
            A file is missing in `source` or is a link.
        """
        for name in self.files:
            path = source / name
            if path.is_symlink() or not path.is_file():
                raise FolderDamaged(f"{name}: the file is missing or is a link")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target / name)


def seal(folder: Path, **facts: Any) -> None:
    """List all files of a folder, with the facts given, in a manifest that is its last file.

    Raises
    ------
    FolderDamaged
        The folder is empty or holds a symbolic link.
    """
    with written(folder / MANIFEST) as partial:
        # Only now is a manifest that a killed process left unfinished gone from the folder.
        files = Manifest.of(folder, besides=(MANIFEST,)).to_json()
        partial.write_text(
            json.dumps({"files": files, **facts}, indent=1, sort_keys=True), encoding="utf-8"
        )


def sealed(folder: Path) -> dict[str, Any] | None:
    """Return the facts with which a folder was sealed; None unless all its files are those."""
    try:
        facts = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        Manifest.from_json(facts.pop("files")).verify(folder, besides=(MANIFEST,))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, FolderDamaged):
        return None
    return dict(facts)


def _plain_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (path in the folder, path) of each file, in order.

    Raises
    ------
    FolderDamaged
        The folder holds a symbolic link.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise FolderDamaged(f"{path} is a symbolic link; only plain files are allowed")
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _contained(name: str) -> str:
    """Return a path that stays inside its folder on every system, or refuse it."""
    path = PurePosixPath(name)
    wrong = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    if wrong or path.as_posix() != name or name in ("", "."):
        raise FolderDamaged(
            f"the manifest names {name!r}; only plain relative paths inside the folder are allowed"
        )
    return name


def _digest(path: str | os.PathLike[str]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
