"""What is new in the files of the settings, told from names, sizes and times."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.intake.sources import LINES, matches
from pipeline.intake.traces import PREFIX as TRACES
from training.faults import DataFault

_LINES = (*LINES, ".csv", ".tsv")
_CHUNK = 1_000_000


@dataclass(frozen=True)
class FileStamp:
    """What changes with the content of a file."""

    size: int
    changed: int
    inode: int


@dataclass(frozen=True)
class Files:
    """The files that patterns name, as they are at one moment.

    Attributes
    ----------
    stamps
        File -> its stamp.
    elsewhere
        Whether a pattern names what no folder shows: a data set of the hub, or traces of MLflow.
    """

    stamps: Mapping[Path, FileStamp] = field(default_factory=dict)
    elsewhere: bool = False

    @classmethod
    def now(cls, patterns: Sequence[str], root: Path) -> "Files":
        """Return the files that the patterns name now; what cannot be read is left out.

        Examples
        --------
        >>> Files.now(["no-such/*.jsonl", "hf:one/set"], Path()).elsewhere
        True
        """
        elsewhere = [each for each in patterns if each.startswith(("hf:", TRACES))]
        stamps: dict[Path, FileStamp] = {}
        for pattern in patterns:
            if pattern in elsewhere:
                continue
            try:
                for match in matches([pattern], root):
                    for path in _within(match.path):
                        if (stamp := _stamp(path)) is not None:
                            stamps[path] = stamp
            except (DataFault, OSError, ValueError):
                continue  # the next cycle says what is wrong with it
        return cls(stamps, bool(elsewhere))

    def records_since(self, before: "Files") -> int:
        """Return about how many records came since: lines, rows, or pages.

        A file that grew is read from where it ended; any other that changed counts as a whole.
        """
        found = 0
        for path, stamp in self.stamps.items():
            old = before.stamps.get(path)
            if stamp == old:
                continue
            appended = old is not None and (old.inode, True) == (stamp.inode, stamp.size > old.size)
            found += _records(path, old.size if old and appended else 0)
        return found


def _within(path: Path | None) -> Iterator[Path]:
    if path is None:
        return
    if not path.is_dir():
        yield path
        return
    for place, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _stamp(path: Path) -> FileStamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _records(path: Path, start: int) -> int:
    """Count the records of a file from a place on; 1 where it is no table."""
    ending = path.suffix.lower()
    try:
        if ending == ".parquet":
            import pyarrow.parquet

            return int(pyarrow.parquet.read_metadata(path).num_rows)
        if ending not in _LINES:
            return 1
        with path.open("rb") as stream:
            stream.seek(start)
            return sum(part.count(b"\n") for part in iter(lambda: stream.read(_CHUNK), b""))
    except (OSError, ValueError):
        return 0
