"""What a pattern of the settings names: files, each under the name that the store uses."""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from pipeline.intake.tables import is_saved
from training.faults import DataFault

LINES = (".jsonl", ".ndjson")
"""Endings of files that are read as JSON Lines."""
ENDINGS = (*LINES, ".csv", ".tsv", ".parquet")
_LOG_ENDINGS = (*ENDINGS, ".json")


@dataclass(frozen=True)
class Source:
    """A file, or a data set of the hub (no path), under the name that the store uses."""

    label: str
    path: Path | None
    size: int = 0
    root: Path = Path()

    @classmethod
    def of(cls, path: Path, label: str, root: Path = Path(), *, structured: bool = False) -> Self:
        """Return a file, or the folder of a saved data set; raises DataFault for all others.

        With `structured`, a file may be one JSON document, as traces are exported.
        """
        if is_saved(path):
            return cls(label, None, root=root)
        return cls(label, path, _size(path, label, _LOG_ENDINGS if structured else ENDINGS))

    @contextmanager
    def opened(self) -> Iterator[FileIO]:
        """Open the file for reading, unbuffered; raises DataFault if it cannot be read."""
        try:
            with open(self.path or self.label, "rb", buffering=0) as stream:
                yield stream
        except OSError as error:
            raise DataFault(
                f"{self.label}: cannot be read: {error.strerror or error}; "
                "it must be a readable file"
            ) from error


@dataclass(frozen=True, slots=True)
class Match:
    """A path that a pattern names, under the name that the store uses.

    Attributes
    ----------
    label, path
        The name, and the path; None for a data set of the hub.
    is_literal
        Whether the pattern is this path, and holds no wildcard.
    base
        The folder before the first wildcard, or the one that holds the path.
    """

    label: str
    path: Path | None
    is_literal: bool = True
    base: Path = Path()


def matches(patterns: Sequence[str], root: Path) -> Iterator[Match]:
    """Yield what the patterns name, in the order of the patterns and of the names."""
    for pattern in patterns:
        if pattern.startswith("hf:"):
            yield Match(pattern, None)
            continue
        base = _fixed_part(pattern, root)
        pattern = _with_real_folders(pattern, root)
        is_literal = not glob.has_magic(pattern) or (root / pattern).exists()
        names = [pattern] if is_literal else glob.glob(pattern, root_dir=root, recursive=True)
        for name in sorted(names):
            path = root / name
            yield Match(label_of(path, root), path, is_literal, base)


def find_sources(patterns: Sequence[str], root: Path, *, structured: bool = False) -> list[Source]:
    """Return the sources that the patterns name, each once, files in the order of their names."""
    found: dict[str, Source] = {}
    for match in matches(patterns, root):
        path, label = match.path, match.label
        if path is None:
            found.setdefault(label, Source(label, None, root=root))
        elif match.is_literal or is_saved(path) or not path.is_dir():
            found.setdefault(label, Source.of(path, label, root, structured=structured))
    return list(found.values())


def _fixed_part(pattern: str, root: Path) -> Path:
    """Return the folder before the first wildcard; the folder of the file where there is none."""
    place = root
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part) and not (place / part).is_dir():
            break
        place = place / part
    return place


def _with_real_folders(pattern: str, root: Path) -> str:
    """Return the pattern with the brackets escaped that are part of the name of a real folder."""
    parts, place = [], root
    for part in Path(pattern).parts[:-1]:
        place = place / part
        parts.append(glob.escape(part) if "[" in part and place.is_dir() else part)
    return os.path.join(*parts, os.path.basename(pattern)) if parts else pattern


def stamp_of(status: os.stat_result) -> str:
    """Return what changes with a file's content, even when its size and time are put back."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def label_of(path: Path, root: Path) -> str:
    """Return the path from the root, so that a workspace may move; outside of it, absolute."""
    whole, top = os.path.abspath(path), os.path.abspath(root)
    label = Path(os.path.relpath(whole, top)).as_posix()
    if label.startswith("../"):
        label = Path(whole).as_posix()
    # Half surrogates stand for bytes that are not UTF-8: no database could keep such a name.
    if any(character < " " or "\ud800" <= character <= "\udfff" for character in label):
        raise DataFault(
            f"the file name {label!r} holds bytes or characters that cannot be shown; "
            "it must be plain text in UTF-8"
        )
    return label


def _size(path: Path, label: str, endings: Sequence[str]) -> int:
    """Return the size of a file that intake may open."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise DataFault(
            f"{label}: {getattr(error, 'strerror', None) or error}; "
            "it must name a readable file, or hold a wildcard"
        ) from error
    if stat.S_ISDIR(status.st_mode):
        raise DataFault(f"{label}: is a folder; name its files, such as {label}/*.jsonl")
    # Opening a pipe would wait for its writer forever.
    if not stat.S_ISREG(status.st_mode):
        raise DataFault(f"{label}: is neither a file nor a link to one; it must be a file")
    if path.suffix.lower() not in endings:
        raise DataFault(
            f"{label}: ends in {path.suffix or 'nothing'!r}; it must be one of {', '.join(endings)}"
        )
    return status.st_size
