"""The settings of a workspace that is watched: read again when their file changes."""

import dataclasses
from pathlib import Path

from pipeline.machine.pace import seconds_of
from pipeline.workspace import SETTINGS_FILE, Settings, Watch, load_settings
from training.faults import AnchorholdError, DataFault


class WatchedSettings:
    """The settings in force: those of the file, or the last ones that could be used.

    Parameters
    ----------
    root
        The workspace.
    every, records
        Instead of `watch.every` and `watch.records`.

    Raises
    ------
    AnchorholdError
        They cannot be used at the beginning.
    """

    def __init__(self, root: Path, every: str | None = None, records: int | None = None) -> None:
        self.root = root
        if every is not None:
            seconds_of(every, "--every")
        if records is not None and records < 0:
            raise DataFault(f"--records is {records}; allowed: 0 or more")
        self._given = {"every": every, "records": records}
        self._tried = self._read()
        self.settings: Settings = load_settings(root, self._tried)
        self.raw = self._tried or b""

    @property
    def pace(self) -> Watch:
        """How often to look."""
        given = {name: value for name, value in self._given.items() if value is not None}
        return dataclasses.replace(self.settings.tables.watch, **given)  # type: ignore[arg-type]

    def read_again(self) -> str:
        """Read the file if it changed; return what came of it, empty where it did not change."""
        raw = self._read()
        if raw == self._tried:
            return ""
        self._tried = raw
        try:
            settings = load_settings(self.root, raw)
        except AnchorholdError as fault:
            return f"the earlier settings stay in force: {fault}"
        if raw is None:
            return ""  # it could be read a moment later
        self.settings, self.raw = settings, raw
        return f"{SETTINGS_FILE} was read again"

    def _read(self) -> bytes | None:
        try:
            return (self.root / SETTINGS_FILE).read_bytes()
        except OSError:
            return None
