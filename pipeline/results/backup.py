"""The results of `anchorhold backup` and `anchorhold restore`, and what a backup says of itself."""

import json

from pydantic import Field

from pipeline.results.foreseen import Foreseen
from pipeline.results.moment import Moment
from pipeline.results.result import Result

BACKUP_FORMAT = 1
"""How the file of a backup is laid out; a later one gets another number."""


class BackedUpFile(Result):
    """What identifies a file of a backup."""

    sha256: str
    bytes: int


class BackupManifest(Result):
    """What a backup says of itself: its last member, `manifest.json`.

    Attributes
    ----------
    format
        How it is laid out.
    anchorhold
        Version that wrote it.
    at
        The moment whose state it holds.
    workspace
        Name of the workspace's folder.
    place
        Where the workspace was.
    store_revision
        Revision of the tables of the store; None where the store is not in it.
    left_out
        What of the workspace is not in it, and why.
    files
        Every file, by its path in the workspace.
    """

    format: int
    anchorhold: str
    at: Moment
    workspace: str
    place: str
    store_revision: str | None = None
    left_out: tuple[str, ...] = ()
    files: dict[str, BackedUpFile] = Field(default_factory=dict)

    def to_text(self) -> str:
        """Return it as JSON in ASCII, the same text for the same backup."""
        return json.dumps(self.to_json(), indent=1, sort_keys=True) + "\n"


class BackupResult(Result):
    """A backup that was written, or would be.

    Attributes
    ----------
    file
        The file.
    at
        The moment whose state it holds.
    files, bytes
        How many files it holds, and their size.
    digest
        sha256 of its manifest, which has the hash of every file; None where nothing was written.
    store_revision
        Revision of the tables of the store; None where the store is not in it.
    left_out
        What of the workspace is not in it, and why.
    foreseen
        What would change; None where it was done.
    """

    file: str
    at: Moment
    files: int
    bytes: int
    digest: str | None = None
    store_revision: str | None = None
    left_out: tuple[str, ...] = ()
    foreseen: Foreseen | None = None


class RestoreResult(Result):
    """A workspace that was restored, or a backup that was only checked.

    Attributes
    ----------
    workspace
        The folder.
    file
        The backup.
    at
        The moment whose state it holds.
    anchorhold
        Version that wrote it.
    files, bytes
        How many files it holds, and their size.
    digest
        sha256 of its manifest.
    left_out
        What of the workspace is not in it, and why.
    notes
        What a person should know before the next run.
    foreseen
        What would change; None where it was done.
    """

    workspace: str
    file: str
    at: Moment
    anchorhold: str
    files: int
    bytes: int
    digest: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    foreseen: Foreseen | None = None
