"""A file, outside of the store and of MLflow, that keeps each end of the promotion history."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.registry.runs import RegistryFault


@dataclass(frozen=True)
class HeadFile:
    """The ends of the histories of workspaces, a line each; lines are only ever added.

    It may lie where nobody who can write to the store can change what is written: in a folder of
    another user, on a disk that only takes additions, in a repository.

    Attributes
    ----------
    path
        The file; several workspaces may share it.
    workspace
        Identity of the workspace.
    """

    path: Path
    workspace: str

    def last(self) -> tuple[int, str] | None:
        """Return rows and hash of the longest history of the workspace that was noted.

        Raises
        ------
        RegistryFault
            The file cannot be read.
        """
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as fault:
            raise self._fault("read", fault) from None
        found = [self._read(line, number) for number, line in enumerate(lines, 1)]
        own = [each for each in found if each and each["workspace"] == self.workspace]
        longest = max(own, key=lambda each: int(each["rows"]), default=None)
        return None if longest is None else (int(longest["rows"]), str(longest["hash"]))

    def add(self, rows: int, hash: str, **facts: str) -> None:
        """Note an end of the history; it is on the disk when this returns.

        Parameters
        ----------
        rows, hash
            Number of rows, and hash of the last one.
        facts
            What else a person wants to see.

        Raises
        ------
        RegistryFault
            The file cannot be written.
        """
        told = {"workspace": self.workspace, "rows": rows, "hash": hash, **facts}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    # A killed process may not have finished its line.
                    if file.read(1) != b"\n":
                        file.write(b"\n")
                file.write(json.dumps(told).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:
            raise self._fault("written", fault) from None

    def _read(self, line: str, number: int) -> dict[str, Any] | None:
        """Return what a line says; None of one that a killed process did not finish."""
        try:
            found = json.loads(line)
        except ValueError:
            return None
        try:
            int(found["rows"]), found["workspace"], found["hash"]
        except (ValueError, TypeError, KeyError):
            raise RegistryFault(
                f"{self.path} line {number} is no end of a promotion history; restore the file "
                "from a backup, or name another one with promotion.head_file"
            ) from None
        return dict(found)

    def _fault(self, what: str, fault: OSError | ValueError) -> RegistryFault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8"
        return RegistryFault(
            f"{self.path} cannot be {what} ({why}); promotion.head_file must name a file that this "
            "user can read and add to"
        )
