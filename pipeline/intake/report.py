"""What became of the records of a reading, and what a person should check."""

from dataclasses import dataclass, field

from pipeline.results import LogCounts
from pipeline.store import Added, Arrivals, Fault


@dataclass(frozen=True)
class IntakeReport:
    """What became of the records: `seen` = `stored` + `known` + `quarantined` + `erased`.

    Something was taken out of `redacted` ones of those stored.
    `files` were read, `unchanged` ones were not; `warnings` say what a person should check.
    """

    files: int = 0
    unchanged: int = 0
    stored: int = 0
    known: int = 0
    quarantined: int = 0
    erased: int = 0
    redacted: int = 0
    warnings: tuple[str, ...] = ()
    log: LogCounts = field(default_factory=LogCounts)

    @property
    def seen(self) -> int:
        """All records read this time."""
        return self.stored + self.known + self.quarantined + self.erased

    def __add__(self, other: "IntakeReport") -> "IntakeReport":
        """Return the sums, and the warnings of both."""
        counts = ("files", "unchanged", "stored", "known", "quarantined", "erased", "redacted")
        names = (*counts, "warnings", "log")
        return IntakeReport(*(getattr(self, name) + getattr(other, name) for name in names))


def report_of(
    label: str, added: Added, first_fault: Fault | None, remarks: tuple[str, ...]
) -> IntakeReport:
    """Return the report of one file: its counts and what was noticed."""
    warnings = [f"{label} {remark}" for remark in remarks]
    if added.quarantined and first_fault:
        warnings.append(
            f"{label}: {added.quarantined} of {added.seen} records went into quarantine; "
            f"the first: {first_fault}"
        )
    if added.erased:
        warnings.append(
            f"{label}: {added.erased} of {added.seen} records stay out: they were erased; remove "
            "them from the file"
        )
    return IntakeReport(
        files=1,
        stored=added.stored,
        known=added.known,
        quarantined=added.quarantined,
        erased=added.erased,
        redacted=added.redacted,
        warnings=tuple(warnings),
    )


def replaced(arrivals: Arrivals) -> tuple[str, ...]:
    """Return one sentence on the documents that were those of other files before."""
    if not arrivals.replaced:
        return ()
    files = ", ".join(file or "no file" for file, _ in arrivals.replaced.most_common(3))
    return (
        f"holds newer versions of {arrivals.replaced.total()} documents that came from {files}; "
        "an id names one document in all files",
    )
