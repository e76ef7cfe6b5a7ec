"""Opening a workspace: its settings, its clock, and who holds it while a verb runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.machine import disk_fault, make_private
from pipeline.operations.circumstances import Clock, Folder, clock_of, path_of
from pipeline.operations.doctor import examine
from pipeline.operations.messages import addressing, send_quietly
from pipeline.operations.restore import restore
from pipeline.results import DoctorResult, RestoreResult
from pipeline.store import StoreUnusable
from pipeline.workspace import OpenWorkspace, Settings, load_settings, open_workspace
from training.faults import AnchorholdError, DataFault
from training.progress import Progress, no_progress


class Opening:
    """A workspace that can be opened and closed; `Workspace` adds the verbs."""

    def __init__(self, settings: Settings, progress: Progress, clock: Clock) -> None:
        self._settings = settings
        self._progress = progress
        self._clock = clock
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Folder = ".",
        *,
        progress: Progress | None = None,
        now: datetime | Clock | None = None,
    ) -> Self:
        """Open a workspace; its settings are read once, and nothing is locked.

        Parameters
        ----------
        path
            Folder with anchorhold.toml.
        progress
            How to show progress; by default it is not shown.
        now
            The present, or a clock; by default the system's.

        Raises
        ------
        AnchorholdError
            The folder or its settings file does not exist, or the settings cannot be used.
        """
        folder = Path(path)
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise DataFault(f"{folder} {what}; make a workspace with `anchorhold init {folder}`")
        return cls(load_settings(folder), progress or no_progress, clock_of(now))

    @staticmethod
    def doctor(
        path: Folder = ".",
        *,
        quick: bool = False,
        repair: bool = False,
        now: datetime | Clock | None = None,
    ) -> DoctorResult:
        """Check whether a workspace can work; whatever is wrong is told, not raised.

        Parameters
        ----------
        path
            Folder with anchorhold.toml.
        quick
            Whether the model is not loaded.
        repair
            Whether to repair first what can be repaired safely.
        now
            The present, or a clock; by default the system's.
        """
        return examine(Path(path), clock_of(now)(), quick=quick, repair=repair)

    @staticmethod
    def restore(
        file: Folder,
        folder: Folder | None = None,
        *,
        progress: Progress | None = None,
        dry_run: bool = False,
    ) -> RestoreResult:
        """Make the workspace of a backup in a new folder: all of it, checked, or nothing.

        Parameters
        ----------
        file
            What `backup` wrote.
        folder
            The new workspace; by default, in the current folder, the name that it had.
        progress
            How to show progress; by default it is not shown.
        dry_run
            Only check the backup.

        Raises
        ------
        AnchorholdError
            The backup is not whole, or the folder is not empty.
        """
        target = path_of(folder)
        return restore(Path(file), target, progress or no_progress, dry_run=dry_run)

    def close(self) -> None:
        """Close the workspace; its verbs raise AnchorholdError from now on."""
        self._closed = True

    def __enter__(self) -> Self:
        """Return the workspace, which the end of the block closes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the workspace."""
        self.close()

    @property
    def settings(self) -> Settings:
        """The settings, each table as the worker that it sets."""
        return self._settings

    @contextmanager
    def _opened(
        self,
        doing: str,
        *,
        writes: bool = False,
        strategies: Sequence[str] = (),
        seeds: Sequence[int] = (),
    ) -> Iterator[OpenWorkspace]:
        self._must_be_open()
        settings = self._settings.trying(strategies, seeds)
        now, progress = self._clock(), self._progress
        try:
            with (
                open_workspace(
                    settings, doing=doing, now=now, progress=progress, exclusive=writes
                ) as opened,
                addressing(opened) if writes else nullcontext(),
            ):
                yield opened
        except StoreUnusable:
            raise
        except AnchorholdError:
            # A cycle that ended as blocked tells so although it raises.
            self._send(writes)
            raise
        except Exception as fault:
            told = disk_fault(fault)
            if told is None:
                raise
            raise told from fault
        finally:
            if not writes:
                # Caches are written by who only reads, too.
                make_private(self._settings.state)
        self._send(writes)

    def _must_be_open(self) -> None:
        if self._closed:
            raise AnchorholdError(
                f"the workspace {self._settings.root} is closed; open it again with Workspace.open"
            )

    def _send(self, writes: bool) -> None:
        """Send what waits; nobody else is kept from the workspace meanwhile."""
        if writes and self._settings.state.is_dir():
            send_quietly(self._settings, self._clock())
