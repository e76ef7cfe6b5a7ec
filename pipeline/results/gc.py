"""The result of `anchorhold gc`: what goes, what stays, and why."""

from typing import Literal

from pydantic import Field

from pipeline.results.result import Result

GcKind = Literal[
    "versions", "cycles", "runs", "indexes", "embeddings", "scores", "copies", "leftovers"
]


class GcPart(Result):
    """What goes, or stays, for one reason.

    Attributes
    ----------
    kind
        "versions" of the model, "cycles" (report and stages), "runs" of trainings in MLflow,
        "indexes", files of cached "embeddings" and "scores", local "copies" of versions that are
        gone, and "leftovers" of finished cycles.
    names
        Numbers, identifiers or fingerprints.
    goes
        Whether they are deleted.
    why
        Why they go, or stay.
    bytes
        Their size; None where it was not measured.
    """

    kind: GcKind
    names: tuple[str, ...]
    goes: bool
    why: str
    bytes: int | None = None


class Freed(Result):
    """What was deleted, or would be, and what could not be.

    Attributes
    ----------
    bytes
        Size of all that went.
    deleted
        How many of each kind went.
    warnings
        What could not be deleted; the next cycle or `gc` tries again.
    """

    bytes: int
    deleted: dict[GcKind, int] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What went, in words."""
        kinds = ", ".join(f"{kind}: {count}" for kind, count in self.deleted.items())
        return f"{size(self.bytes)} ({kinds})" if kinds else "nothing"


class GcResult(Freed):
    """What `anchorhold gc` did, or would do.

    Attributes
    ----------
    dry_run
        Whether nothing was deleted.
    parts
        What goes and what stays.
    database_bytes
        By how much the SQLite files of the workspace shrank; None where they did not.
    """

    dry_run: bool
    parts: tuple[GcPart, ...]
    database_bytes: int | None = None


def size(count: int) -> str:
    """Return a number of bytes as people read it.

    Examples
    --------
    >>> size(0), size(1500), size(2_340_000), size(12_000_000_000)
    ('0 B', '1.5 kB', '2.3 MB', '12.0 GB')
    """
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_of:
            return f"{count / bytes_of:.1f} {unit}"
    return f"{count} B"
