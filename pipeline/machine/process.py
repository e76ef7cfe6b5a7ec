"""Which process owns a piece of work, whether it still lives, and what memory it took."""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path


def this_process() -> dict[str, str]:
    """Return host, number and start of this process: together they name no other, ever."""
    return {
        "host": platform.node(),
        "process": str(os.getpid()),
        "process_started": _process_started(os.getpid()),
    }


def _process_started(process: int) -> str:
    """Return when a process began, in a form that no later process of its number repeats.

    Empty where it does not live, or the system has no /proc.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name of the program, in parentheses, may hold spaces; the 20th field after it counts.
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return f"{boot}:{fields.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return ""


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
    began, begins = owner.get("process_started", ""), _process_started(int(process))
    if began and begins:
        return began == begins
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def peak_memory_megabytes() -> float | None:
    """Return the most memory that this process held at once; None where the system cannot tell.

    Examples
    --------
    >>> peak_memory_megabytes() is None or peak_memory_megabytes() > 1
    True
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes.
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)
