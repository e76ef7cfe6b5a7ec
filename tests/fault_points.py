"""Every call that changes a workspace, counted, and one of them made to fail.

Nothing of the product is named here. Python's audit events show each file that is opened for
writing, renamed, linked or deleted and each folder that is made or deleted; SQLite's connections
are made by a class that sees each statement that writes and each commit, of the store's engine and
of MLflow's; the few libraries that write files by themselves are wrapped. A new write of the
product is a point of its own without a word here; `unseen` names what was written past all this.

A process is watched from `watch` on until it ends: audit hooks cannot be taken off.
"""

import contextlib
import errno
import os
import re
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn

Kind = Literal["error", "full", "kill", "torn"]
KINDS: tuple[Kind, ...] = ("error", "full", "kill", "torn")
"""One call fails; the disk is full from then on; the process dies before the call; it dies right
after a file was opened, which leaves it empty."""

_WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER|VACUUM"
    r"|PRAGMA\s+(?:\w+\.)?(?:journal_mode\s*=|wal_checkpoint))",
    re.IGNORECASE,
)
_MOVES = {"os.rename": "rename", "os.link": "link", "os.symlink": "link"}
_REMOVES = {"os.remove": "remove", "os.rmdir": "rmdir"}
_FREES = ("remove", "rmdir", "rename")


@dataclass(frozen=True)
class Point:
    """One call that changes something.

    Attributes
    ----------
    call
        What is called: open, rename, …, fsync, write, statement or commit.
    about
        The file, or the first words of the statement.
    is_new
        Whether the disk changed since the point before: if not, a kill here leaves the same.
    """

    call: str
    about: str
    is_new: bool = True

    def may_fail_by(self, kind: Kind) -> bool:
        """Say whether this kind of fault can meet it, and be another one than at the point before.

        A full disk still lets files be deleted and renamed.
        """
        if kind == "torn":
            return self.call in ("open", "write")
        return self.is_new if kind == "kill" else kind == "error" or self.call not in _FREES


@dataclass
class Watch:
    """Counts the points of this process below some folders, and lets one of them fail.

    Attributes
    ----------
    places
        Only what lies in these folders counts.
    fail_at, kind
        The number of the point that fails, from 1, and how; 0 for none.
    """

    places: tuple[str, ...]
    fail_at: int = 0
    kind: Kind = "error"
    points: list[Point] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    _seen: int = 0
    _lock: Any = field(default_factory=threading.RLock, repr=False)
    _busy: bool = False

    def has(self, path: str) -> bool:
        """Say whether a path counts."""
        return any(path.startswith(each) for each in self.places)

    def reach(self, call: str, about: str, fault: Callable[[], Exception] | None = None) -> None:
        """Count a point; where it is the one that fails, do not return.

        Parameters
        ----------
        call, about
            The point.
        fault
            Returns what the library that is called would raise; by default OSError.
        """
        with self._lock:
            if self._busy:
                return
            before, self._seen = self._seen, 0 if self.fail_at else self._disk()
            point = Point(call, about, self._seen != before or not self.points)
            self.points.append(point)
            number = len(self.points)
            is_met = number == self.fail_at
            if self.kind == "full" and 0 < self.fail_at < number:
                is_met = point.may_fail_by("full")
            if is_met:
                self._fail(point, fault)

    def _fail(self, point: Point, fault: Callable[[], Exception] | None) -> None:
        if self.kind == "kill":
            _die()
        if self.kind == "torn":
            # The name is made, what is written into it is lost.
            self._busy = True
            with contextlib.suppress(OSError):
                Path(point.about).write_bytes(b"")
            _die()
        if fault is not None:
            raise fault()
        number = errno.ENOSPC if self.kind == "full" else errno.EIO
        raise OSError(number, os.strerror(number), point.about)

    def _disk(self) -> int:
        """Return what changes when any file changes; what is not written yet is no part of it."""
        found = []
        for place in self.places:
            for root, folders, names in os.walk(place):
                found.append((root, len(folders), len(names)))
                for name in names:
                    about = os.lstat(os.path.join(root, name))
                    if not name.endswith("-shm"):
                        found.append((name, about.st_size, about.st_mtime_ns, about.st_ino))
        return hash(tuple(sorted(map(str, found))))

    def said_by_sqlite(self) -> Exception:
        """Return what SQLite raises."""
        full = self.kind == "full"
        return sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        """Take an audit event."""
        if event == "open":
            path, _, flags = args
            if isinstance(path, str | bytes | os.PathLike) and flags & (
                os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
            ):
                self._file("open", os.fsdecode(path))
        elif event in _REMOVES and os.path.lexists(path := _within(args[-1], args[0])):
            self._file(_REMOVES[event], path)
        elif event in _MOVES:
            folders = (*args[2:], *args[2:])[:2]
            source, target = (_within(*each) for each in zip(folders, args, strict=False))
            if self.has(target) or self.has(source):
                self._follow(source, target)
                self.reach(_MOVES[event], target)
        elif event == "os.mkdir" and not os.path.isdir(path := _within(args[-1], args[0])):
            self._file("mkdir", path)
        elif event == "os.truncate":
            self._file("truncate", _whole(args[0]))

    def _file(self, call: str, path: str) -> None:
        path = _whole(path)
        if self.has(path):
            if call == "open":
                self.written.add(path)
            self.reach(call, path)

    def native(self, path: Any, fault: Callable[[], Exception] | None = None) -> None:
        """Take a write of a library that opens files by itself."""
        if isinstance(path, str | os.PathLike) and self.has(whole := _whole(path)):
            self.written.add(whole)
            self.reach("write", whole, fault)

    def _follow(self, source: str, target: str) -> None:
        """Follow what was written to its new name."""
        inside = [source]
        if os.path.isdir(source):
            found = os.walk(source)
            inside = [os.path.join(root, name) for root, _, names in found for name in names]
        self.written |= {
            target + each.removeprefix(source) for each in inside if each in self.written
        }


def _within(folder: Any, path: Any) -> str:
    """Return a path that may be relative to an open folder."""
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(os.fsdecode(path)):
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))
    return _whole(path)


def _whole(path: Any) -> str:
    return os.path.abspath(os.fsdecode(path))


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process went on")


def watch(places: tuple[str, ...], fail_at: int = 0, kind: Kind = "error") -> Watch:
    """Watch this process from now on until it ends."""
    found = Watch(places, fail_at, kind)
    _watch_sqlite(found)
    _watch_syncs(found)
    _watch_libraries(found)
    sys.addaudithook(found.heard)
    return found


class _Cursor(sqlite3.Cursor):
    def execute(self, statement: str, *values: Any) -> Any:
        self.connection.meet(statement)
        return super().execute(statement, *values)

    def executemany(self, statement: str, *values: Any) -> Any:
        self.connection.meet(statement)
        return super().executemany(statement, *values)


class _Connection(sqlite3.Connection):
    """A connection that counts what is written by it, once it is watched."""

    watch: Watch | None = None
    name = ""
    changed = False

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def meet(self, statement: str) -> None:
        if self.watch is not None and _WRITES.match(statement):
            words = " ".join(statement.split()[:3])
            self.watch.reach("statement", f"{self.name}: {words}", self.watch.said_by_sqlite)
            self.changed = True

    def commit(self) -> None:
        if self.watch is not None and self.changed:
            self.watch.reach("commit", self.name, self.watch.said_by_sqlite)
        self.changed = False
        super().commit()

    def rollback(self) -> None:
        self.changed = False
        super().rollback()


def _watch_sqlite(watch: Watch) -> None:
    connect = sqlite3.dbapi2.connect

    def counted(database: Any, *args: Any, **more: Any) -> Any:
        path = os.path.abspath(os.fsdecode(database))
        if not watch.has(path):
            return connect(database, *args, **more)
        if not os.path.exists(path):
            watch.native(path, watch.said_by_sqlite)
        made = connect(database, *args, **{**more, "factory": _Connection})
        made.watch, made.name = watch, path
        return made

    sqlite3.connect = sqlite3.dbapi2.connect = counted


def _watch_syncs(watch: Watch) -> None:
    for name in ("fsync", "fdatasync"):
        call = getattr(os, name, None)
        if call is None:
            continue

        def counted(file: Any, call: Callable[[Any], None] = call) -> None:
            number = file if isinstance(file, int) else file.fileno()
            path = os.readlink(f"/proc/self/fd/{number}")
            if watch.has(path):
                watch.reach("fsync", path)
            call(file)

        setattr(os, name, counted)


def _watch_libraries(watch: Watch) -> None:
    """Wrap what writes files without Python: safetensors, PyArrow, PyTorch and tokenizers."""
    import pyarrow.parquet.core as parquet
    import safetensors.torch
    import torch.serialization
    from safetensors import SafetensorError
    from transformers import PreTrainedTokenizerFast

    def said(kind: type[Exception]) -> Callable[[], Exception]:
        number = {"full": errno.ENOSPC}.get(watch.kind, errno.EIO)
        return lambda: kind(f"Error while serializing: {os.strerror(number)} (os error {number})")

    serialize = safetensors.torch.serialize_file

    def serialized(tensors: Any, file: Any, *more: Any, **named: Any) -> Any:
        watch.native(file, said(SafetensorError))
        return serialize(tensors, file, *more, **named)

    safetensors.torch.serialize_file = serialized
    begin = parquet.ParquetWriter.__init__

    def begun(self: Any, where: Any, *more: Any, **named: Any) -> None:
        watch.native(where)
        begin(self, where, *more, **named)

    parquet.ParquetWriter.__init__ = begun
    zipped = torch.serialization._open_zipfile_writer_file.__init__

    def opened(self: Any, name: Any, *more: Any, **named: Any) -> None:
        watch.native(name, said(RuntimeError))
        zipped(self, name, *more, **named)

    torch.serialization._open_zipfile_writer_file.__init__ = opened
    save = PreTrainedTokenizerFast._save_pretrained

    def saved(self: Any, save_directory: Any, *more: Any, **named: Any) -> Any:
        watch.native(os.path.join(save_directory, "tokenizer.json"), said(Exception))
        return save(self, save_directory, *more, **named)

    PreTrainedTokenizerFast._save_pretrained = saved
