"""The manifest of a version: digest and size of each file, checked before anything is used."""

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.registry.runs import RegistryFault


class ModelDamaged(RegistryFault):
    """Files of a version are not what was registered; the message names the first."""


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
    def of(cls, folder: Path) -> "Manifest":
        """Describe a folder.

        Raises
        ------
        ModelDamaged
            It is empty, or holds a symbolic link, which could point anywhere.
        """
        files = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                raise ModelDamaged(f"{path} is a symbolic link; a version holds plain files only")
            if path.is_file():
                files[_contained(name)] = FileFact(_digest(path), path.stat().st_size)
        if not files:
            raise ModelDamaged(f"{folder} holds no file; a version needs at least its model")
        return cls(files)

    def to_text(self) -> str:
        """Return the manifest as JSON, the same for the same files."""
        facts = {
            name: {"sha256": fact.digest, "bytes": fact.size} for name, fact in self.files.items()
        }
        return json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "Manifest":
        """Read a manifest.

        Raises
        ------
        ModelDamaged
            It is not a manifest, or names a path outside the folder.
        """
        try:
            files = {
                name: FileFact(str(fact["sha256"]), int(fact["bytes"]))
                for name, fact in json.loads(text).items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            raise ModelDamaged(f"the manifest cannot be read: {fault}") from None
        return cls({_contained(name): fact for name, fact in files.items()})

    @property
    def digest(self) -> str:
        """sha256 over the manifest, and so over all files."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def verify(self, folder: Path, besides: Collection[str] = ()) -> None:
        """Check that the folder holds these very files and no others, but those of `besides`.

        Raises
        ------
        ModelDamaged
            A file is missing, is another, is a link, or was added.
        """
        for name, fact in self.files.items():
            path = folder / name
            if path.is_symlink() or not path.is_file():
                raise ModelDamaged(f"{path}: the file is missing or is a link")
            size = path.stat().st_size
            if size != fact.size:
                raise ModelDamaged(f"{path}: has {size} bytes, {fact.size} were registered")
            if _digest(path) != fact.digest:
                raise ModelDamaged(f"{path}: its bytes are not those that were registered (sha256)")
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if (path.is_symlink() or path.is_file()) and not (
                name in self.files or name in besides
            ):
                raise ModelDamaged(f"{path}: the file was not registered")

    def take(self, source: Path, target: Path) -> None:
        """Move the files of the manifest, and only these, from one folder to another.

        Raises
        ------
        ModelDamaged
            A file is missing in `source` or is a link.
        """
        for name in self.files:
            path = source / name
            if path.is_symlink() or not path.is_file():
                raise ModelDamaged(f"{name}: the file is missing where the version is stored")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target / name)


def _contained(name: str) -> str:
    """Return a path that stays inside its folder on every system, or refuse it."""
    path = PurePosixPath(name)
    wrong = path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name
    if wrong or path.as_posix() != name or name in ("", "."):
        raise ModelDamaged(
            f"the manifest names {name!r}; allowed are plain relative paths inside the version"
        )
    return name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
