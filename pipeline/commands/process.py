"""What a command changes in its own process: environment, output, signals, temporary files, gc."""

import gc
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from pipeline.commands import voice
from pipeline.commands.output import say

# Whatever is heavy (torch, MLflow, pydantic) is imported inside the commands: help is instant.
if TYPE_CHECKING:
    from pipeline.operations import Workspace

_GARBAGE_THRESHOLDS = (100_000, 10, 10)
"""At Python's own, loading MLflow spends half a second of two in vain searches for garbage."""


@contextmanager
def opened(folder: Path, *, writes: bool = False) -> Iterator["Workspace"]:
    """Open a workspace for one command.

    Parameters
    ----------
    writes
        Whether the command writes; what libraries leave in temporary folders when they are killed
        is in the workspace then, and the next command removes it.
    """
    with at_work():
        from pipeline.operations import Workspace
        from pipeline.reports.progress import progress_for

        with Workspace.open(folder, progress=progress_for(voice.is_quiet())) as workspace:
            state = workspace.settings.state
            with temporary_files_in(state) if writes else nullcontext():
                yield workspace


@contextmanager
def at_work() -> Iterator[None]:
    """Keep stdout for the result alone, and end an interruption with a sentence."""
    from pipeline.reports.progress import activity

    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()
    # A service manager's stop is treated like Ctrl-C: what is open is closed in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with activity(quiet=voice.is_quiet()), redirect_stdout(sys.stderr):
            from pipeline.registry import quiet_environment
            from training.acceleration import keep_freed_memory

            quiet_environment()
            keep_freed_memory()
            yield
    except KeyboardInterrupt:
        say("interrupted; nothing is lost: run the same command again")
        raise typer.Exit(130) from None
    finally:
        # Whatever is left is never searched again: the process is about to end.
        gc.freeze()


def wait() -> None:
    """Show no longer that the command works: from now on it waits for a person, or requests."""
    from pipeline.reports.progress import end_activity

    end_activity()


def stop_on_signals(*, second_ends: bool = False) -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set, so that what has begun is ended in order.

    Parameters
    ----------
    second_ends
        Whether a second signal ends the process at once.
    """
    stop = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set() and second_ends:
            os._exit(128 + number)
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, ask)
    return stop


def open_in_browser(address: str) -> None:
    """Open a page in the browser, if there is a screen."""
    # Without one, a browser in the terminal would take it over.
    if sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        typer.launch(address)


def let_idle_threads_sleep() -> None:
    """Let the threads of the model sleep between its steps; to be called before torch is loaded.

    By default they spin for milliseconds, and take the processor from the threads that answer
    requests: a request cost twice the processor time on two cores. What the user set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def temporary_files_in(state: Path) -> Iterator[None]:
    """Let this process, and those it starts, make temporary files in a state folder.

    They are in a folder of their own, removed when the block ends; what a killed process left is
    removed by the next one.
    """
    from pipeline.machine import private_folder
    from training.whole_files import scratch_folder

    private_folder(state)
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    with scratch_folder(state / "tmp" / "command") as folder:
        # Python remembers the first folder that it was asked for.
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            name, tempfile.tempdir = before
            if name is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = name
