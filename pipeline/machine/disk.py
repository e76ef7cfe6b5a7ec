"""How much files take on disk."""

import os
from pathlib import Path


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
