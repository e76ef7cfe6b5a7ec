"""Which process owns a piece of work, whether it still lives, and what memory it took."""

import contextlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

_SAME_START_SECONDS = 2.0
"""Two processes of one number never start so close together; readings of one may differ so much."""


def this_process() -> dict[str, str]:
    """Return host, number and start of this process: no other process ever has all three."""
    return {
        "host": platform.node(),
        "process": str(os.getpid()),
        "process_started": _process_started(os.getpid()),
    }


def lives(owner: Mapping[str, str]) -> bool:
    """Return whether the process that `this_process` described still lives; in doubt, it does.

    Only for processes of this machine.

    Examples
    --------
    >>> lives(this_process()), lives({"process": "12345678", "process_started": ""})
    (True, False)
    """
    process = owner.get("process", "")
    if not process.isdecimal():
        return True
    if not _runs(int(process)):
        return False
    began, begins = owner.get("process_started", ""), _process_started(int(process))
    return not (began and begins) or _same_start(began, begins)


def peak_memory_megabytes() -> float | None:
    """Return the most memory that this process held at once; None where the system cannot tell.

    Examples
    --------
    >>> peak_memory_megabytes() is None or peak_memory_megabytes() > 1
    True
    """
    try:
        import resource
    except ImportError:  # Windows, the one system where psutil knows the peak
        peak = getattr(psutil.Process().memory_info(), "peak_wset", None)
        return None if peak is None else round(peak / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes.
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a group, with all that it started where the system has groups."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _runs(process: int) -> bool:
    """Return whether a process of this number is there and does more than wait to be collected."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _process_started(process: int) -> str:
    """Return the boot and the second at which a process began; empty where that is unknown."""
    try:
        began = psutil.Process(process).create_time()
    except psutil.Error:
        return ""
    boot = ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    if psutil.LINUX:
        # Linux counts from the boot; psutil adds the time of the boot, which moves whenever
        # somebody sets the clock.
        began -= psutil.boot_time()
    return f"{boot}:{began:.2f}"


def _same_start(one: str, other: str) -> bool:
    (boot, _, began), (boot_other, _, began_other) = one.rpartition(":"), other.rpartition(":")
    try:
        apart = abs(float(began) - float(began_other))
    except ValueError:
        return False
    return boot == boot_other and apart < _SAME_START_SECONDS
