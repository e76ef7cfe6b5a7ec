"""The machine: the lock on a workspace, processes, files, whether a server answers."""

from pipeline.machine.archive import Archive, opened_archive, write_archive
from pipeline.machine.disk import DiskFault, disk_fault, size_of_folder
from pipeline.machine.environment_key import key_from
from pipeline.machine.lock import Holder, WorkspaceBusy, hold_workspace, holder
from pipeline.machine.private_files import make_private, open_to_others, private_folder
from pipeline.machine.process import lives, peak_memory_megabytes, this_process
from pipeline.machine.reachable import why_closed, why_silent, why_unreachable
from pipeline.machine.workspace_key import key_in

__all__ = [
    "Archive",
    "DiskFault",
    "Holder",
    "WorkspaceBusy",
    "disk_fault",
    "hold_workspace",
    "holder",
    "key_from",
    "key_in",
    "lives",
    "make_private",
    "open_to_others",
    "opened_archive",
    "peak_memory_megabytes",
    "private_folder",
    "size_of_folder",
    "this_process",
    "why_closed",
    "why_silent",
    "why_unreachable",
    "write_archive",
]
