"""What keeps the tables of vectors: the same promises, whatever the database is."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.search.stamp import Space, Stamp
from training.encoding.similarity import SimilarityName

Floats = NDArray[np.float32]

READERS_HAVE_MOVED = timedelta(minutes=10)
"""Age of the newest state from which earlier ones may be deleted.

A service opens the newest state more often: `serve.poll_seconds` has a bound, and so has the time
until the service repeats an attempt that failed.
"""


class Table(Protocol):
    """One table: as its stamp describes it, or with everything that a builder added."""

    @property
    def stamp(self) -> Stamp:
        """The stamp of a whole table."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def batches(self, *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of all rows, a batch of rows at a time."""

    def named(self, keys: Sequence[str], *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows with the keys."""

    def add(
        self, ids: Sequence[str], keys: Sequence[str], digests: Sequence[str], vectors: Floats
    ) -> None:
        """Add rows: all or none."""

    def remove(self, keys: Sequence[str]) -> None:
        """Delete the rows with the keys."""

    def finish(self, stamp: Stamp) -> None:
        """Stamp what the table holds now, and show it to readers."""

    def compact(self) -> None:
        """Put the table in order after many rows."""

    def forget(self, *, unread: bool = False) -> None:
        """Delete what only earlier states need, unless a reader may still be at one.

        None is where no earlier state was whole: `unread`.
        """

    def approximate(self, similarity: SimilarityName) -> None:
        """Make an approximate index, where there is none that covers most rows."""

    def nearest(
        self, vectors: Floats, k: int, similarity: SimilarityName
    ) -> list[list[tuple[str, float]]]:
        """Return (id, similarity) of about the first k rows for each vector, best first."""


class Tables(Protocol):
    """The tables in one place."""

    @property
    def uri(self) -> str:
        """Where they are, as it may be shown."""

    def names(self) -> list[str]:
        """Return the names of all tables, also of those that are not whole."""

    def whole(self, name: str) -> Table | None:
        """Return a table as its stamp describes it; None where there is no whole one."""

    def newest(self, name: str, space: Space) -> tuple[Table, str]:
        """Return a table with all rows so far, and "", if they are of a space.

        Otherwise it is empty, and the text says what was there.
        """

    def empty(self, name: str, space: Space) -> Table:
        """Return a table without rows; readers of one that was there still see what it held."""

    def drop(self, name: str) -> None:
        """Delete a table."""

    def can_approximate(self, space: Space) -> bool:
        """Say whether vectors of a space can be searched approximately."""

    @property
    def shows(self) -> bool:
        """Whether other applications can read the champion's table through a view."""

    def show(self, name: str) -> None:
        """Let the view show a whole table; nothing where there is no view."""


def vectors_of(column: pa.Array | pa.ChunkedArray, dimensions: int) -> Floats:
    """Return a column of vectors as (rows, dimensions)."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.asarray(column.flatten(), dtype=np.float32).reshape(-1, dimensions)
