"""Results that name a folder: a new workspace, an exported version."""

from typing import Literal

from pipeline.results.foreseen import Foreseen
from pipeline.results.outlook import GateOutlook
from pipeline.results.result import Result


class FoundData(Result):
    """Data that was looked at for a new workspace.

    Attributes
    ----------
    path
        The file, pattern or folder, as the settings name it.
    key
        The key that names it: one of `[data]`, "anchors" or "model.base"; empty where it was left
        out.
    files
        How many files it is now.
    what
        What it seems to hold.
    why
        What tells so; or why it was left out, and what to do.
    """

    path: str
    key: str
    files: int
    what: str
    why: str


class InitResult(Result):
    """A new workspace.

    Attributes
    ----------
    workspace, settings
        Its folder and its settings file.
    folders
        The folders to put data into.
    found
        What the data that was named seems to be.
    proxies
        What `gate.proxies` was set to.
    notes
        What a person should know before the first run.
    outlook
        How often equally good candidates would pass on the anchor sets that were found; None where
        there are none.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    workspace: str
    settings: str
    folders: tuple[str, ...]
    found: tuple[FoundData, ...] = ()
    proxies: Literal["refuse", "allow"] = "refuse"
    notes: tuple[str, ...] = ()
    outlook: GateOutlook | None = None
    foreseen: Foreseen | None = None


class ExportResult(Result):
    """A version's model as a plain sentence-transformers folder; `foreseen` in a dry run."""

    version: int
    directory: str
    foreseen: Foreseen | None = None
