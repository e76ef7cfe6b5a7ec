"""The verbs of the public face that show people what happened."""

import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.operations.backup import back_up
from pipeline.operations.circumstances import Folder
from pipeline.operations.history import write_history
from pipeline.operations.quarantine import quarantined
from pipeline.operations.serving import Serving
from pipeline.operations.ui import serve_pages
from pipeline.operations.verifying import verified
from pipeline.reports import report_of
from pipeline.results import (
    BackupResult,
    HistoryResult,
    QuarantineResult,
    ReportResult,
    UiResult,
)


class Reading(Serving):
    """A workspace whose cycles can be read about; `Workspace` adds the other verbs."""

    def report(self, cycle: str | None = None, *, verify: bool = False) -> ReportResult:
        """Return where the HTML report of a finished cycle is.

        Parameters
        ----------
        cycle
            Such as "0003"; by default, the last.
        verify
            Whether to check its signature with the key in the environment.
        """
        with self._opened("report") as opened:
            found = report_of(opened.store, opened.settings.state, cycle)
            return verified(opened, found) if verify else found

    def report_all(self) -> HistoryResult:
        """Write one page about all cycles, and return what it shows."""
        with self._opened("report") as opened:
            return write_history(opened.settings, opened.store)

    def quarantine(self, file: str | None = None, *, limit: int = 20) -> QuarantineResult:
        """Return the refused records with their reasons, and what became of all others.

        Parameters
        ----------
        file
            Only those of this file, as it is listed.
        limit
            How many records are listed, newest first.
        """
        with self._opened("quarantine") as opened:
            return quarantined(opened.store, file, limit)

    def backup(self, file: Folder, *, dry_run: bool = False) -> BackupResult:
        """Write the workspace, as it is in one moment, into a file; others may work in it.

        Parameters
        ----------
        file
            The backup; an earlier one is replaced when this one is whole.
        dry_run
            Only tell its size.
        """
        self._must_be_open()
        now, progress = self._clock(), self._progress
        return back_up(self._settings, Path(file), now, progress, dry_run=dry_run)

    def ui(
        self,
        *,
        port: int = 0,
        stop: threading.Event | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> UiResult:
        """Serve pages about the workspace to this machine until `stop` is set; nothing is changed.

        Parameters
        ----------
        port
            Where to listen; 0: any free port.
        stop
            Ends the serving.
        tell
            Is given the address, which holds a random token.
        """
        with self._opened("ui") as opened:
            return serve_pages(
                opened, port, clock=self._clock, stop=stop or threading.Event(), tell=tell
            )
