"""Files and folders that appear whole or not at all, whenever the process is killed."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SUFFIX = ".partial"
_numbers = itertools.count()


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a path to write a file to; it takes the place of `path` when the block ends.

    The file is flushed to disk before it is renamed. An exception inside the block leaves `path`
    as it was. What a killed process left beside `path` is removed by the next one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "notes.txt")
    ...     with written(path) as partial:
    ...         _ = partial.write_text("whole", encoding="utf-8")
    ...     path.read_text(encoding="utf-8"), [file.name for file in Path(folder).iterdir()]
    ('whole', ['notes.txt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _flush(path.parent)


@contextmanager
def folder_written(path: Path) -> Iterator[Path]:
    """Yield a new, private folder to fill; it takes the place of `path` when the block ends.

    All files are flushed to disk before the folder is renamed. A folder that is there already is
    replaced. An exception inside the block leaves `path` as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with folder_written(Path(parent, "model")) as partial:
    ...         _ = Path(partial, "weights").write_bytes(b"...")
    ...     [file.name for file in Path(parent, "model").iterdir()]
    ['weights']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    partial.mkdir(mode=0o700)
    try:
        yield partial
        for folder, _, names in os.walk(partial):
            for name in names:
                _flush(Path(folder, name))
            _flush(Path(folder))
        if path.exists():
            replaced = _beside(path, ".replaced")
            path.rename(replaced)
            partial.rename(path)
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _flush(path.parent)


def _beside(path: Path, kind: str = "") -> Path:
    """Return a name for an unfinished `path` of its own; what dead processes left is removed."""
    for left in path.parent.iterdir():
        if left.name.startswith(f".{path.name}.") and left.name.endswith(_SUFFIX):
            process = left.name.removesuffix(_SUFFIX).split(".")[-2]
            if process.isdecimal() and not psutil.pid_exists(int(process)):
                _remove(left)
    return path.with_name(f".{path.name}{kind}.{os.getpid()}.{next(_numbers)}{_SUFFIX}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, where the system can tell."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
