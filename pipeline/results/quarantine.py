"""The result of `anchorhold quarantine`: refused records, and what became of all others."""

from pipeline.results.intake import IntakeCounts
from pipeline.results.result import Result


class RefusedRecord(Result):
    """One record in quarantine: its file, its line or row there (0: the file), and the reason."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        """Return the place and the reason."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}"


class FileRecords(Result):
    """What one file brought so far: seen = stored + known + quarantined + erased.

    `kind` and `role` say what its records are, and what they are for.
    """

    file: str
    kind: str
    role: str
    seen: int
    stored: int
    known: int
    quarantined: int
    erased: int


class QuarantineResult(Result):
    """The refused records, newest first.

    Attributes
    ----------
    read
        What became of all records that were read, ever.
    files
        What became of the records of each file that has some in quarantine.
    records
        The newest of them, as many as were asked for.
    """

    read: IntakeCounts
    files: tuple[FileRecords, ...]
    records: tuple[RefusedRecord, ...]
