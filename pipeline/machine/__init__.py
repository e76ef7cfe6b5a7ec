"""The machine: the lock on a workspace, processes, files, whether a server answers."""

from pipeline.machine.archive import Archive, opened_archive, write_archive
from pipeline.machine.disk import DiskFault, disk_fault, size_of_folder
from pipeline.machine.lock import Holder, WorkspaceBusy, hold_workspace, holder
from pipeline.machine.process import lives, peak_memory_megabytes, this_process
from pipeline.machine.reachable import why_closed, why_silent, why_unreachable

__all__ = [
    "Archive",
    "DiskFault",
    "Holder",
    "WorkspaceBusy",
    "disk_fault",
    "hold_workspace",
    "holder",
    "lives",
    "opened_archive",
    "peak_memory_megabytes",
    "size_of_folder",
    "this_process",
    "why_closed",
    "why_silent",
    "why_unreachable",
    "write_archive",
]
