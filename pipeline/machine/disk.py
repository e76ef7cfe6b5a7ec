"""The disk: how much files take, and what its faults are called."""

import errno
import os
import re
from pathlib import Path

from training.faults import AnchorholdError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REMEDY = {
    **dict.fromkeys(_FULL, "once there is space"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "once it may be written"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "once fewer files are open"),
    errno.EIO: "once the disk works",
    **dict.fromkeys((errno.EISDIR, errno.ENOTDIR), "once what is in its place is moved away"),
}
"""What must be true before a command is run again; other faults of the system are bugs."""

_OF_RUST = re.compile(r"\(os error (\d+)\)")
_OF_SEVERAL = re.compile(r"\[Errno (\d+)\] [^\'\"]*[\'\"]([^\'\"]*)")
_OF_TORCH = re.compile(r"PytorchStreamWriter|inline_container")


class DiskFault(AnchorholdError):
    """The disk does not take or give a file; the message names it, the cause and what to do."""


def disk_fault(fault: BaseException) -> DiskFault | None:
    """Return a fault of the disk as one sentence; None for any other fault.

    Libraries that write files by themselves raise faults of their own.

    Examples
    --------
    >>> str(disk_fault(OSError(errno.ENOSPC, "No space left on device", "notes"))).split(";")[0]
    'notes: No space left on device'
    >>> disk_fault(FileNotFoundError(errno.ENOENT, "No such file or directory", "a"))
    """
    said = str(fault)
    number, names = None, ""
    if isinstance(fault, OSError):
        number = fault.errno
        names = ", ".join(str(each) for each in (fault.filename, fault.filename2) if each)
        if number is None and (met := _OF_SEVERAL.search(said)):
            # Of a folder that was copied: the first of its faults.
            number, names = int(met[1]), met[2]
    elif met := _OF_RUST.search(said):
        number = int(met[1])
    elif _OF_TORCH.search(said):
        # PyTorch does not say why.
        number = errno.EIO
    if number not in _REMEDY:
        return None
    return DiskFault(
        f"{names or 'a file'}: {os.strerror(number)}; nothing that was stored is lost: "
        f"{_REMEDY[number]}, run the same command again"
    )


def size_of_folder(folder: Path) -> int:
    """Return the bytes of all files of a folder, or of a file; 0 where there is none.

    Files that disappear in the meantime do not count; a file with several names in the folder
    counts once.
    """
    if folder.is_file():
        return folder.stat().st_size
    found: dict[tuple[int, int], int] = {}
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.lstat(os.path.join(root, name))
            except FileNotFoundError:
                continue
            found[about.st_dev, about.st_ino] = about.st_size
    return sum(found.values())
