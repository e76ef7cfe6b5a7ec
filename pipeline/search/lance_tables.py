"""Tables of vectors in LanceDB: rows are added at once or not at all, a tag names what is whole.

A table is a sequence of Lance versions. The tag names the one that its stamp describes: readers
see that one, whatever a builder adds behind it, and a builder that was killed finds its rows.
"""

import logging
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.search.stamp import IndexUnusable, Space, Stamp
from pipeline.search.tables import READERS_HAVE_MOVED
from training.encoding.similarity import SimilarityName
from training.faults import DataFault

logger = logging.getLogger(__name__)

_WHOLE = "whole"
_STAMP, _SPACE = "anchorhold.stamp", "anchorhold.space"
_NAMED = 500  # keys in one condition
_DISTANCE: dict[str, Literal["cosine", "dot", "l2"]] = {
    "cosine": "cosine",
    "dot": "dot",
    "euclidean": "l2",
}
_REFINED = 4  # times k rows whose distances are computed anew from the whole vectors
_PARTITION = 65_536  # rows of one graph; building one holds it in memory
_PARTITIONS = 64  # about as many at most, since each one is searched
_SEEN, _LINKED = 300, 150  # rows of a graph that are looked at: in a search, for a new row
_ANY_AGE = timedelta(milliseconds=1)
_IN_RUST = re.compile(r",? \S+\.rs:\d+:\d+$")
"""Where in its own code Lance met a fault."""
_UNINDEXED = 0.2  # share of rows outside of the approximate index above which it is made anew


class LanceTables:
    """The tables in one place.

    Parameters
    ----------
    uri
        Any LanceDB URI.
    """

    shows = False

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def names(self) -> list[str]:
        """Return the names of all tables, also of those that are not whole."""
        if not self._exists():
            return []
        with self._told():
            names: list[str] = []
            page = None
            while True:
                found = self._database.list_tables(page_token=page, limit=1_000)
                names += found.tables
                page = found.page_token
                if not page:
                    return names

    def whole(self, name: str) -> "LanceTable | None":
        """Return a table as its stamp describes it; None where there is no whole one."""
        table = self._opened(name)
        if table is None:
            return None
        with self._told():
            tags = table.tags.list()
            if _WHOLE not in tags:
                return None
            table.checkout(_WHOLE)
        return LanceTable(table, self)

    def newest(self, name: str, space: Space) -> tuple["LanceTable", str]:
        """Return a table with all rows so far, and "", if they are of a space.

        Otherwise it is empty, and the text says what was there.
        """
        table = self._opened(name)
        if table is None:
            return self.empty(name, space), ""
        found = LanceTable(table, self)
        difference = found.space.difference(space) if found.space else "no space that is named"
        if not difference:
            return found, ""
        return self.empty(name, space), f"its vectors had {difference}"

    def empty(self, name: str, space: Space) -> "LanceTable":
        """Return a table without rows; readers of one that was there still see what it held."""
        schema = pa.schema(
            [
                pa.field("id", pa.string()),
                pa.field("key", pa.string()),
                pa.field("digest", pa.string()),
                pa.field("vector", pa.list_(pa.float32(), space.dimensions)),
            ],
            metadata={_SPACE: space.to_json()},
        )
        mode = "overwrite" if name in self.names() else "create"
        with self._told():
            return LanceTable(self._database.create_table(name, schema=schema, mode=mode), self)

    def drop(self, name: str) -> None:
        """Delete a table."""
        with self._told():
            self._database.drop_table(name)

    def can_approximate(self, space: Space) -> bool:
        """Say whether vectors of a space can be searched approximately."""
        return space.similarity in _DISTANCE

    def show(self, name: str) -> None:
        """Do nothing: a folder has no view."""

    def _opened(self, name: str) -> Any:
        if name not in self.names():
            return None
        with self._told():
            return self._database.open_table(name)

    def _exists(self) -> bool:
        return "://" in self.uri or Path(self.uri).is_dir()

    @cached_property
    def _database(self) -> Any:
        # What Lance warns of means nothing to who runs a command: how its clusters came out, and
        # what will change in it.
        os.environ.setdefault("LANCEDB_LOG", "error")
        try:
            import lancedb
        except ImportError:
            raise DataFault(
                'the index needs LanceDB, which is not installed: pip install "anchorhold[serve]"'
            ) from None
        with self._told():
            return lancedb.connect(self.uri)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn a fault of LanceDB, which has no types of its own, into one sentence."""
        try:
            yield
        except DataFault:
            raise
        except (OSError, RuntimeError, ValueError, pa.ArrowException) as fault:
            first = _IN_RUST.sub("", str(fault).strip().partition("\n")[0])
            raise IndexUnusable(
                f"the index at {self.uri} cannot be used: {first}; if it is damaged, `anchorhold "
                "index drop VERSION` and `anchorhold index build VERSION` make it again"
            ) from fault


class LanceTable:
    """One table, as it was at one moment or with everything that was added.

    Parameters
    ----------
    table
        LanceDB's.
    tables
        Where it is.
    """

    def __init__(self, table: Any, tables: LanceTables) -> None:
        self._table = table
        self._told = tables._told
        metadata = table.schema.metadata or {}
        kept = metadata.get(_SPACE.encode())
        self.space = Space.from_json(kept) if kept else None

    @property
    def stamp(self) -> Stamp:
        """The stamp of a whole table."""
        metadata = self._table.schema.field("vector").metadata or {}
        return Stamp.from_json(metadata.get(_STAMP.encode(), b""))

    @property
    def state(self) -> int:
        """Number of the Lance version: it changes with every change of the table."""
        return int(self._table.version)

    def __len__(self) -> int:
        """Return the number of rows."""
        with self._told():
            return int(self._table.count_rows())

    def batches(self, *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of all rows, a batch of rows at a time."""
        with self._told():
            yield from self._table.search().select(list(columns)).to_batches()

    def named(self, keys: Sequence[str], *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows with the keys."""
        for some in _parts(keys):
            with self._told():
                yield from self._table.search().where(some).select(list(columns)).to_batches()

    def add(
        self,
        ids: Sequence[str],
        keys: Sequence[str],
        digests: Sequence[str],
        vectors: NDArray[np.float32],
    ) -> None:
        """Add rows: all or none."""
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
        columns = {
            "id": pa.array(ids, pa.string()),
            "key": pa.array(keys, pa.string()),
            "digest": pa.array(digests, pa.string()),
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        }
        with self._told():
            self._table.add(pa.table(columns))

    def remove(self, keys: Sequence[str]) -> None:
        """Delete the rows with the keys."""
        for some in _parts(keys):
            with self._told():
                self._table.delete(some)

    def finish(self, stamp: Stamp) -> None:
        """Stamp what the table holds now, and show it to readers."""
        with self._told():
            noted = {"path": "vector", "metadata": {_STAMP: stamp.to_json()}}
            self._table.update_field_metadata(noted)
            move = self._table.tags.update if self._tagged() else self._table.tags.create
            move(_WHOLE, self._table.version)

    def compact(self) -> None:
        """Join small files, and take new rows into an approximate index."""
        with self._told():
            self._table.optimize()

    def forget(self, *, unread: bool = False) -> None:
        """Delete what only earlier states need, unless a reader may still be at one."""
        with self._told():
            tagged = self._tagged()
            newest = max(self._table.list_versions(), key=lambda each: each["version"])
            age = datetime.now(UTC) - newest["timestamp"].astimezone(UTC)
            if tagged == newest["version"] and (unread or age > READERS_HAVE_MOVED):
                self._table.optimize(cleanup_older_than=_ANY_AGE)

    def approximate(self, similarity: SimilarityName) -> None:
        """Make an approximate index, where there is none that covers most rows."""
        from lancedb.index import HnswSq

        with self._told():
            for each in self._table.list_indices():
                whole = each.num_indexed_rows + each.num_unindexed_rows
                if each.num_unindexed_rows <= _UNINDEXED * whole:
                    return
            config = HnswSq(
                distance_type=_DISTANCE[similarity],
                # Of a number of partitions, the next `optimize` would make another number.
                target_partition_size=graph_rows(len(self)),
                ef_construction=_LINKED,
            )
            self._table.create_index("vector", config=config, replace=True)

    def nearest(
        self, vectors: NDArray[np.float32], k: int, similarity: SimilarityName
    ) -> list[list[tuple[str, float]]]:
        """Return (id, similarity) of about the first k rows for each vector, best first."""
        with self._told():
            query = self._table.search(list(vectors)).distance_type(_DISTANCE[similarity])
            query = query.nprobes(2 * _PARTITIONS).ef(max(_SEEN, k * _REFINED))
            query = query.refine_factor(_REFINED).limit(k)
            found = query.select(["id", "_distance"]).to_arrow()
        hits: list[list[tuple[str, float]]] = [[] for _ in range(len(vectors))]
        rows = found["query_index"].to_pylist() if "query_index" in found.column_names else None
        scores = _similarities(np.asarray(found["_distance"]), similarity).tolist()
        for place, (id, score) in enumerate(zip(found["id"].to_pylist(), scores, strict=True)):
            hits[rows[place] if rows else 0].append((id, score))
        return hits

    def _tagged(self) -> int:
        """Return the Lance version that readers see; 0 where none is whole."""
        tag = self._table.tags.list().get(_WHOLE)
        return int(tag["version"]) if tag else 0


def graph_rows(rows: int) -> int:
    """Return how many rows a graph of an approximate index of a number of rows has.

    Examples
    --------
    >>> graph_rows(50_000), graph_rows(1_000_000), graph_rows(100_000_000)
    (65536, 65536, 1562500)
    """
    return max(_PARTITION, math.ceil(rows / _PARTITIONS))


def _parts(keys: Iterable[str]) -> Iterator[str]:
    """Yield conditions that name the keys, which are digests: no text of anybody's."""
    keys = list(keys)
    for start in range(0, len(keys), _NAMED):
        yield f"key IN ({', '.join(repr(key) for key in keys[start : start + _NAMED])})"


def _similarities(
    distances: NDArray[np.float32], similarity: SimilarityName
) -> NDArray[np.float32]:
    """Return what the model's similarity would be, from LanceDB's distances."""
    if similarity == "euclidean":
        return np.asarray(-np.sqrt(np.maximum(distances, 0)), dtype=np.float32)
    return np.asarray(1 - distances, dtype=np.float32)
