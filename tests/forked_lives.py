"""Commands in processes of their own, as quick as calls: forked from one that has all imported."""

import gc
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fault_points import Kind, Point, watch

_LONGEST = 180.0
"""Seconds after which a command counts as hung."""


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes
    ----------
    status
        Its exit status; -9 where it was killed, None where it hung.
    out, err
        What it printed.
    points
        What it changed, in order; empty where it was killed.
    unseen
        Files that it made past all points.
    """

    status: int | None
    out: str
    err: str
    points: tuple[Point, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def complaint(self) -> str:
        """Say what is wrong with how it told of a fault; empty where it is one sentence."""
        if self.status is None:
            return "it hung"
        if self.status == -signal.SIGKILL:
            return ""
        if "Traceback" in self.err or self.status not in (0, 2):
            return f"status {self.status}: {self.err[-2000:]}"
        told = [each for each in self.err.splitlines() if each.startswith("anchorhold: ")]
        if self.status == 2 and len(told) != 1:
            return f"{len(told)} sentences: {self.err[-2000:]}"
        return ""


@dataclass(frozen=True)
class Life:
    """A place in which a workspace lives; copies of it always return to the same path.

    Attributes
    ----------
    place
        Holds the workspace, in "space", and what libraries leave in temporary folders, in "tmp".
    """

    place: Path

    @property
    def space(self) -> Path:
        """The workspace."""
        return self.place / "space"

    def begin_from(self, kept: Path) -> None:
        """Let the place be as it was kept."""
        shutil.rmtree(self.place, ignore_errors=True)
        shutil.copytree(kept, self.place, symlinks=True)

    def keep(self, kept: Path) -> Path:
        """Keep the place as it is now."""
        shutil.rmtree(kept, ignore_errors=True)
        return Path(shutil.copytree(self.place, kept, symlinks=True))

    def command(self, *words: str, fail_at: int = 0, kind: Kind = "error") -> Ended:
        """Run a command in the workspace, and let one of its points fail."""
        report = self.place.with_name(f"{self.place.name}.ended")
        shutil.rmtree(report, ignore_errors=True)
        report.mkdir()
        (self.place / "tmp").mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # What threads hold is not needed: the libraries that have some are used after the fork.
            warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
            process = os.fork()
        if process == 0:
            self._be_the_command(words, report, fail_at, kind)
        status = _status(process)
        texts = [(report / name).read_text(encoding="utf-8") for name in ("out", "err")]
        file = report / "points.json"
        seen = json.loads(file.read_text(encoding="utf-8")) if file.exists() else [[], []]
        points = tuple(Point(*each) for each in seen[0])
        return Ended(status, *texts, points, tuple(seen[1]))

    def _be_the_command(self, words: Sequence[str], report: Path, at: int, kind: Kind) -> None:
        """Be a new process of the command; does not return."""
        status = 70
        try:
            for number, name in ((1, "out"), (2, "err")):
                file = os.open(report / name, os.O_WRONLY | os.O_CREAT)
                os.dup2(file, number)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            os.environ["TMPDIR"] = str(self.place / "tmp")
            tempfile.tempdir = None
            warnings.simplefilter("ignore")  # a test would raise them
            sys.argv = ["anchorhold", *words, "--workspace", str(self.space)]
            before = set(_files(self.place))
            watched = watch((f"{self.place}{os.sep}", "/dev/shm/anchorhold-"), at, kind)
            try:
                from pipeline.commands.cli import main

                main()
                status = 0
            except SystemExit as ending:
                status = int(ending.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
            seen = [[each.call, each.about, each.is_new] for each in watched.points]
            unseen = sorted({*_files(self.place)} - before - watched.written)
            (report / "points.json").write_text(json.dumps([seen, unseen]), encoding="utf-8")
            (report / "modules.json").write_text(json.dumps([*sys.modules]), encoding="utf-8")
        finally:
            os._exit(status)

    def warm_up(self) -> None:
        """Import here what the last command imported: those that follow have it already."""
        report = self.place.with_name(f"{self.place.name}.ended")
        for name in json.loads((report / "modules.json").read_text(encoding="utf-8")):
            if name.split(".")[0] != "__main__" and name not in sys.modules:
                try:
                    importlib.import_module(name)
                except Exception:  # a name that a library made up
                    continue
        gc.collect()
        gc.freeze()  # so that a fork does not look through all this again


def _files(place: Path) -> list[str]:
    return [os.path.join(root, name) for root, _, names in os.walk(place) for name in names]


def _status(process: int) -> int | None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None
