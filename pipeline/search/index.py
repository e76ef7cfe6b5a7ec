"""An opened index: which documents are nearest to a vector, and the vectors themselves."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.search.row_keys import key_of
from pipeline.search.stamp import IndexUnusable, Stamp
from pipeline.search.tables import Table, vectors_of
from training.encoding.similarity import Similarity, unit
from training.evaluation import nearest
from training.faults import DataFault

_QUERIES_AT_ONCE = 64

Floats = NDArray[np.float32]


class IndexDamaged(IndexUnusable):
    """The vectors of an index are not those that were written."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found, and how similar it is; higher is more alike."""

    id: str
    score: float


class Index:
    """The whole index of one version, as it was when it was opened.

    May be used by several threads.

    Parameters
    ----------
    table
        Its table, as the stamp describes it.

    Attributes
    ----------
    stamp
        What it is.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.stamp: Stamp = table.stamp
        self._loading = Lock()
        self._loaded: tuple[list[str], Floats] | None = None

    def search(self, vectors: Floats, k: int = 10) -> list[list[Hit]]:
        """Return the first k documents for each vector, best first; equal ones in order of ids.

        Parameters
        ----------
        vectors
            (queries, dimensions), by an encoder of the index's fingerprint.
        k
            Documents per query; all of them if there are fewer.

        Raises
        ------
        DataFault
            The vectors have another length, or a number that is not finite.
        IndexDamaged
            The index is searched exactly, and its vectors are not those that were written.
        """
        vectors = self._fitting(vectors)
        if not len(vectors) or not self.stamp.documents or k < 1:
            return [[] for _ in range(len(vectors))]
        if self.stamp.approximate:
            found = self._table.nearest(vectors, k, self.stamp.similarity)
            return [[Hit(*hit) for hit in hits] for hits in found]
        ids, rows = self.vectors()
        places, scores = nearest(
            vectors,
            rows,
            depth=k,
            rows_at_once=_QUERIES_AT_ONCE,
            similarity=Similarity(self.stamp.similarity),
        )
        return [
            [Hit(ids[place], score) for place, score in zip(*pair, strict=True)]
            for pair in zip(places.tolist(), scores.tolist(), strict=True)
        ]

    def vectors(self, ids: Sequence[str] | None = None) -> tuple[list[str], Floats]:
        """Return ids and vectors, (rows, dimensions), in order of ids.

        Parameters
        ----------
        ids
            Which; those that are not in the index are left out. None: all of them.
        """
        if ids is not None:
            return self._read(ids)
        if self.stamp.approximate:
            return self._read(None)
        with self._loading:
            if self._loaded is None:
                found = self._read(None)
                if self.stamp.vectors and sum_of(*found) != self.stamp.vectors:
                    raise IndexDamaged(
                        f"the index of version {self.stamp.version} is damaged: its vectors are "
                        "not those that were written; `anchorhold index build "
                        f"{self.stamp.version}` builds it again"
                    )
                self._loaded = found
            return self._loaded

    def _read(self, wanted: Sequence[str] | None) -> tuple[list[str], Floats]:
        if wanted is None:
            return all_vectors(self._table, self.stamp.dimensions)
        keys = list(dict.fromkeys(map(key_of, wanted)))
        return _in_order(self._table.named(keys, "id", "vector"), self.stamp.dimensions)

    def _fitting(self, vectors: Floats) -> Floats:
        vectors = np.atleast_2d(np.asarray(vectors, dtype=np.float32))
        if vectors.shape[1] != self.stamp.dimensions:
            raise DataFault(
                f"a vector of {vectors.shape[1]} dimensions cannot be searched for in the index of "
                f"version {self.stamp.version}, whose vectors have {self.stamp.dimensions}"
            )
        if not np.isfinite(vectors).all():
            raise DataFault("a vector has a number that is not finite, so nothing is near it")
        if self.stamp.similarity == "cosine":
            return unit(vectors)
        return vectors


def all_vectors(table: Table, dimensions: int) -> tuple[list[str], Floats]:
    """Return ids and vectors, (rows, dimensions), of a table in order of ids."""
    return _in_order(table.batches("id", "vector"), dimensions)


def _in_order(found: Iterable[pa.RecordBatch], dimensions: int) -> tuple[list[str], Floats]:
    batches = list(found)
    ids = [id for batch in batches for id in batch["id"].to_pylist()]
    if not ids:
        return [], np.zeros((0, dimensions), dtype=np.float32)
    rows = np.concatenate([vectors_of(each["vector"], dimensions) for each in batches])
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return [ids[place] for place in order], rows[order]


def sum_of(ids: Sequence[str], vectors: Floats) -> str:
    """Return the sha256 of vectors and of what they belong to.

    Examples
    --------
    >>> rows = np.eye(2, dtype=np.float32)
    >>> sum_of(["a", "b"], rows) == sum_of(["a", "b"], rows + np.float32(1e-6))
    False
    """
    digest = hashlib.sha256()
    for id in ids:
        content = id.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "big") + content)
    digest.update(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
    return digest.hexdigest()
