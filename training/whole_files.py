"""Files and folders that appear whole or not at all, whenever the process is killed."""

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SUFFIX = ".partial"
_OLD = ".replaced"
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)
_numbers = itertools.count()
MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
"""Part of the names of unfinished files: the process ids of another machine or container that
shares a folder mean nothing here."""


@contextmanager
def written(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write a file to; it takes the place of `path` when the block ends.

    The file is flushed to disk before it is renamed. An exception inside the block leaves `path`
    as it was. What a killed process left beside `path` is removed by the next call.

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
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    partial = _beside(path)
    try:
        yield partial
        _flush(partial)
        with contextlib.suppress(OSError):
            path.rmdir()  # Only an empty folder in the way.
        partial.replace(path)
    except BaseException:
        _remove(partial)
        raise
    _flush(path.parent)


@contextmanager
def folder_written(path: str | os.PathLike[str], *, private: bool = True) -> Iterator[Path]:
    """Yield a new folder to fill; it takes the place of `path` when the block ends.

    All files are flushed to disk before the folder is renamed. A folder that is there already is
    replaced: it is moved aside first, and the next call moves it back if a kill met the moment
    between the two renames. An exception inside the block leaves `path` as it was.

    Parameters
    ----------
    path
        Where the folder goes.
    private
        Whether only its owner may look into it; otherwise the umask says who may.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with folder_written(Path(parent, "model")) as partial:
    ...         _ = Path(partial, "weights").write_bytes(b"...")
    ...     [file.name for file in Path(parent, "model").iterdir()]
    ['weights']
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    partial = _beside(path)
    partial.mkdir(mode=0o700 if private else 0o777)
    try:
        yield partial
        for folder, _, names in os.walk(partial):
            for name in names:
                _flush(Path(folder, name))
            _flush(Path(folder))
        _take_place(partial, path)
    except BaseException:
        _remove(partial)
        raise
    _flush(path.parent)


@contextmanager
def scratch_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new, private folder beside `path` that is removed when the block ends.

    What a killed process left of such a folder is removed by the next call.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     with scratch_folder(Path(parent, "pins")) as folder:
    ...         _ = Path(folder, "one").write_bytes(b"...")
    ...     list(Path(parent).iterdir())
    []
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidy(path)
    folder = _beside(path)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        _remove(folder)


def _take_place(partial: Path, path: Path) -> None:
    """Rename a finished folder to `path`, in place of the one that may be there."""
    while True:
        replaced = _beside(path, _OLD)
        with contextlib.suppress(FileNotFoundError):
            path.rename(replaced)
        try:
            partial.rename(path)
        except OSError as fault:
            if fault.errno not in _TAKEN:
                if replaced.exists():
                    replaced.rename(path)
                raise
            # Another process took the place between the two renames; its folder goes next.
            _remove(replaced)
        else:
            _remove(replaced)
            return


def _beside(path: Path, kind: str = "") -> Path:
    """Return a name beside `path` that no other call uses."""
    owner = f"{MACHINE}-{os.getpid()}"
    return path.with_name(f".{path.name}{kind}.{owner}.{next(_numbers)}{_SUFFIX}")


def _tidy(path: Path) -> None:
    """Remove what dead processes of this machine left; a folder only moved aside returns."""
    for left in path.parent.iterdir():
        if not left.name.startswith(f".{path.name}.") or not _is_left(left):
            continue
        if left.name.startswith(f".{path.name}{_OLD}.") and not path.exists():
            with contextlib.suppress(OSError):  # another process was faster
                left.rename(path)
        else:
            _remove(left)


def _is_left(path: Path) -> bool:
    """Say whether something has the name of an unfinished file of a dead process here."""
    parts = path.name.removesuffix(_SUFFIX).split(".")
    if not path.name.endswith(_SUFFIX) or len(parts) < 4:
        return False
    machine, _, process = parts[-2].partition("-")
    return machine == MACHINE and process.isdecimal() and not psutil.pid_exists(int(process))


def tidy_below(folder: Path) -> list[Path]:
    """Remove what dead processes of this machine left unfinished in a folder; return what it was.

    A folder that was only moved aside returns to its place, unless another one is there.
    """
    found = sorted(each for each in folder.rglob(f".*{_SUFFIX}") if _is_left(each))
    for left in found:
        name = left.name.removeprefix(".").removesuffix(_SUFFIX).rsplit(".", 2)[0]
        _tidy(left.with_name(name.removesuffix(_OLD)))
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
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
