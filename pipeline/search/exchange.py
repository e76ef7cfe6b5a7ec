"""Vectors in a Parquet file, with their stamp: written for other databases, read from users."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from pipeline.search.row_keys import Keys, digest_of, key_of, packed
from pipeline.search.spot_checks import LEAST_COSINE, Compared, Sample
from pipeline.search.stamp import Space, SpaceMismatch, Stamp
from pipeline.search.tables import vectors_of
from training.encoding import TextEncoder
from training.faults import DataFault
from training.unlabelled import Document
from training.whole_files import written

STAMP = b"anchorhold.stamp"
"""Key of the stamp in the metadata of the file's schema."""

_ROWS = 8_192  # read or written at once
_PROBES = 64  # documents that are encoded anew; chosen, not measured

Floats = NDArray[np.float32]


def must_be_new(file: Path) -> None:
    """Refuse a file that is there already."""
    if file.exists():
        raise DataFault(f"{file} exists already; name a new file")


def write_vectors(file: Path, stamp: Stamp, batches: Iterator[pa.RecordBatch]) -> None:
    """Write ids and vectors to a new file, a batch at a time; it is whole or not there.

    Parameters
    ----------
    file
        The Parquet file.
    stamp
        What the vectors are; it goes into the metadata of the schema.
    batches
        Columns `id`, `digest` of the text, and `vector`.

    Raises
    ------
    DataFault
        It exists, or cannot be written.
    """
    must_be_new(file)
    fields = [
        ("id", pa.string()),
        ("digest", pa.string()),
        ("vector", pa.list_(pa.float32(), stamp.dimensions)),
    ]
    schema = pa.schema(fields, metadata={STAMP: stamp.to_json()})
    try:
        with written(file) as partial, parquet.ParquetWriter(partial, schema) as out:
            for batch in batches:
                columns = [batch[name] for name in schema.names]
                out.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema), _ROWS)
    except OSError as fault:
        raise DataFault(f"{file}: cannot be written: {fault.strerror or fault}") from None


class GivenVectors:
    """Vectors of a user, on disk while they are used.

    Parameters
    ----------
    file
        Parquet file with columns `id` and `vector`; with `digest`, as `write_vectors` writes it,
        vectors of texts that have changed since are left out.
    space
        The space that they must be of.
    folder
        For a temporary copy that can be read in any order; it has no name, so that none stays.

    Raises
    ------
    SpaceMismatch
        Their stamp, or their length, is of another space.
    DataFault
        The file cannot be read, or holds something else.
    """

    def __init__(self, file: Path, space: Space, folder: Path) -> None:
        self.file = file
        self._columns = self._checked_columns(space)
        self._rows = self._blank(space.dimensions, folder)
        names: list[Keys] = [packed([])]
        digests: list[str] = []
        done = 0
        for batch in self._batches():
            names.append(packed([key_of(str(id)) for id in batch["id"].to_pylist()]))
            if "digest" in self._columns:
                digests += batch["digest"].to_pylist()
            self._rows[done : done + len(batch)] = self._vectors(batch, space.dimensions)
            done += len(batch)
        keys = np.concatenate(names)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._digests = np.array(digests) if digests else None
        if len(np.unique(keys)) < len(keys):
            raise DataFault(f"{file}: two rows have the same id; an id may name one vector")

    def of(self, names: Sequence[str], digests: Sequence[str]) -> dict[int, Floats]:
        """Return place -> vector for the documents, named by key and digest, that have one."""
        keys = packed(list(names))
        if not len(self._keys) or not len(keys):
            return {}
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found = {}
        for place in np.flatnonzero(self._keys[places] == keys).tolist():
            row = self._order[places[place]]
            if self._digests is None or self._digests[row] == digests[place]:
                found[place] = np.array(self._rows[row])
        return found

    def probe(self, encoder: TextEncoder, documents: Iterable[Document]) -> None:
        """Encode some documents anew, and compare them with what was given.

        Raises
        ------
        SpaceMismatch
            A cosine is too low, or a length is another: the vectors are not the model's.
        DataFault
            None of the documents has a vector.
        """
        chosen = Sample(_PROBES)
        for each in documents:
            name = key_of(each.id)
            if chosen.takes(name) and self.of([name], [digest_of(each.whole)]):
                chosen.add(name, each)
        if not chosen.drawn:
            raise DataFault(f"{self.file}: none of its ids is the id of a document as it is now")
        anew = encoder.encode([text for _, _, text in chosen.drawn], kind="document")
        for (name, id, text), true in zip(chosen.drawn, anew, strict=True):
            found = Compared.of(self.of([name], [digest_of(text)])[0], true)
            if found.is_the_models:
                continue
            if found.cosine < LEAST_COSINE:
                raise SpaceMismatch(
                    f"{self.file}: the vectors are not of the model {encoder.fingerprint[:12]}: "
                    f"encoded again, document {id[:60]!r} has cosine {found.cosine:.3f} with its "
                    f"vector; {LEAST_COSINE} is required"
                )
            raise SpaceMismatch(
                f"{self.file}: the vectors are not of the model {encoder.fingerprint[:12]}: "
                f"document {id[:60]!r} has a vector of length {found.length:.3f}; the model's "
                f"has {found.wanted_length:.3f}"
            )

    def _checked_columns(self, space: Space) -> list[str]:
        try:
            schema = parquet.read_schema(self.file)
        except (OSError, pa.ArrowException) as fault:
            raise self._unreadable(fault) from None
        missing = [name for name in ("id", "vector") if name not in schema.names]
        if missing:
            raise DataFault(
                f"{self.file}: there is no column {missing[0]!r}, only "
                f"{', '.join(schema.names)[:200]}; vectors need the columns id and vector"
            )
        kind = schema.field("vector").type
        lists = (pa.types.is_list, pa.types.is_fixed_size_list, pa.types.is_large_list)
        if not any(is_one(kind) for is_one in lists) or not pa.types.is_floating(kind.value_type):
            raise DataFault(f"{self.file}: the column vector holds {kind}; it must hold floats")
        kept = (schema.metadata or {}).get(STAMP)
        if kept:
            difference = Stamp.from_json(kept).space.difference(space)
            if difference:
                raise SpaceMismatch(f"{self.file}: its vectors have {difference}")
            return ["id", "digest", "vector"] if "digest" in schema.names else ["id", "vector"]
        return ["id", "vector"]

    def _blank(self, dimensions: int, folder: Path) -> Floats:
        """Return rows to fill, in a file without a name."""
        try:
            shape = parquet.read_metadata(self.file).num_rows, dimensions
        except (OSError, pa.ArrowException) as fault:
            raise self._unreadable(fault) from None
        if not shape[0]:
            return np.zeros(shape, dtype=np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:  # The map keeps it open.
            return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            with parquet.ParquetFile(self.file) as opened:
                yield from opened.iter_batches(_ROWS, columns=self._columns)
        except (OSError, pa.ArrowException) as fault:
            raise self._unreadable(fault) from None

    def _vectors(self, batch: pa.RecordBatch, dimensions: int) -> Floats:
        if any(batch[name].null_count for name in self._columns):
            raise DataFault(f"{self.file}: a row has no id or no vector; each needs both")
        lengths = set(batch["vector"].value_lengths().to_pylist()) - {dimensions}
        if lengths:
            raise SpaceMismatch(
                f"{self.file}: a vector has {min(lengths)} dimensions, but the model's have "
                f"{dimensions}"
            )
        vectors = vectors_of(batch["vector"], dimensions)
        if not np.isfinite(vectors).all():
            raise DataFault(f"{self.file}: a vector has a number that is not finite")
        return vectors

    def _unreadable(self, fault: Exception) -> DataFault:
        first = str(fault).partition("\n")[0]
        return DataFault(f"{self.file}: no Parquet file that can be read ({first})")
