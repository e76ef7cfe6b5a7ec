"""Who may read what a workspace writes: its owner, or the group that its state folder is open to.

Libraries write with the umask of the process, which belongs to whoever started it. So the state
folder is closed from the moment it is made, and what lies in it is closed when a verb ends.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_GROUP = stat.S_ISGID | stat.S_IRWXG


def private_folder(path: Path) -> None:
    """Make a folder that only its owner can look into; one that is there stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def make_private(folder: Path) -> int:
    """Close a folder and all that lies in it to others; return how many files and folders changed.

    Parameters
    ----------
    folder
        The state folder of a workspace. If it has the set-group-ID bit and its group may read and
        write it, the group may do with everything in it what the owner may. Otherwise only the
        owner may do anything.

    Notes
    -----
    What belongs to another user, and what disappears meanwhile, is left as it is. Windows has no
    such modes.
    """
    changed = 0
    for path, mode in _too_open(folder):
        try:
            os.chmod(path, mode)
        except OSError:
            continue
        changed += 1
    return changed


def open_to_others(folder: Path) -> list[Path]:
    """Return the files and folders that `make_private` would close, in no order.

    Parameters
    ----------
    folder
        The state folder of a workspace.
    """
    return [path for path, _ in _too_open(folder)]


def _too_open(folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield paths of this user with the mode that they should have and do not have."""
    if os.name == "nt" or not folder.is_dir():
        return
    facts = folder.stat()
    shared = facts.st_mode & _GROUP == _GROUP
    if (wanted := _wanted(facts, shared)) is not None:
        yield folder, wanted
    left = [os.fspath(folder)]
    while left:
        try:
            entries = [*os.scandir(left.pop())]
        except OSError:
            continue
        for entry in entries:
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(facts.st_mode):
                left.append(entry.path)
            if (wanted := _wanted(facts, shared)) is not None:
                yield Path(entry.path), wanted


def _wanted(facts: os.stat_result, shared: bool) -> int | None:
    """Return the mode that a file or folder of this user should have, None if it has that."""
    if stat.S_ISLNK(facts.st_mode) or os.geteuid() not in (facts.st_uid, 0):
        return None
    mode = stat.S_IMODE(facts.st_mode)
    wanted = mode & ~stat.S_IRWXO & ~stat.S_IRWXG
    if shared:
        wanted |= (mode & stat.S_IRWXU) >> 3
        wanted |= stat.S_ISGID if stat.S_ISDIR(facts.st_mode) else 0
    return None if wanted == mode else wanted
