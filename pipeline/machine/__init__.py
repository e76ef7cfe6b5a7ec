"""The machine: the lock on a workspace, processes, whether a server answers."""

from pipeline.machine.lock import WorkspaceBusy, hold_workspace
from pipeline.machine.process import lives, peak_memory_megabytes, this_process
from pipeline.machine.reachable import why_silent, why_unreachable

__all__ = [
    "WorkspaceBusy",
    "hold_workspace",
    "lives",
    "peak_memory_megabytes",
    "this_process",
    "why_silent",
    "why_unreachable",
]
