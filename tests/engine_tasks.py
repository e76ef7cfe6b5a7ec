"""Work for the tests of the engines; workers import it, so it is a module of its own."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Squares:
    """Returns what squares a number, and counts in a folder which processes did it."""

    folder: str

    def __call__(self):
        """Return what does the tasks."""
        return self._square

    def _square(self, number):
        Path(self.folder, f"{number}-{os.getpid()}").touch()
        if number == 13:
            raise ValueError("thirteen")
        if number < 0:
            mark = Path(self.folder, "killed")
            if number == -2 or not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return number * number
