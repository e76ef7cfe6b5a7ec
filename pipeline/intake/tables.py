"""Tables as rows: Parquet files and data sets, read batch by batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from pipeline.intake.record_rules import COLUMNS, BadRecord, shortened
from training.faults import DataFault

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file from 1, and its values or what is wrong with it."""

    number: int
    content: dict[str, object] | BadRecord


def parquet_rows(path: Path, label: str, required: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a Parquet file.

    Raises
    ------
    DataFault
        It is not a Parquet file, or a required column is missing or does not hold texts.
    """
    with _explained(label, "Parquet"), pa.parquet.ParquetFile(path, memory_map=False) as file:
        schema = file.schema_arrow
        wanted = columns_to_read(label, schema.names, required)
        _must_hold_texts(label, schema, required)
        yield from _numbered(file.iter_batches(batch_size=_BATCH, columns=wanted))


class HubData:
    """A data set of the hub, or a folder below the root that `datasets` can load.

    It is named `hf:<name>[:<split>]`; without a split, `train` is read.

    Raises
    ------
    DataFault
        It cannot be loaded, or a required column is missing or does not hold texts.
    """

    def __init__(self, label: str, root: Path) -> None:
        from datasets import load_dataset

        name, _, split = label.removeprefix("hf:").partition(":")
        if (root / name).is_dir():
            name = str(root / name)
        self.label = label
        with _explained(label, "a data set"):
            self._data = load_dataset(name, split=split or "train")

    @property
    def stamp(self) -> str:
        """What changes when the data do."""
        return str(self._data._fingerprint)

    def rows(self, required: Sequence[str]) -> Iterator[Row]:
        """Yield the rows."""
        with _explained(self.label, "a data set"):
            schema = self._data.features.arrow_schema
            wanted = columns_to_read(self.label, schema.names, required)
            _must_hold_texts(self.label, schema, required)
            table = self._data.select_columns(wanted).with_format("arrow")
            batches = (part for whole in table.iter(_BATCH) for part in whole.to_batches())
            yield from _numbered(batches)


def columns_to_read(label: str, names: Sequence[str], required: Sequence[str]) -> list[str]:
    """Return the columns to read; raises DataFault if one is missing or there twice."""
    for name in required:
        if name not in names:
            listed = ", ".join(shortened(name) for name in names[:20]) or "none"
            raise DataFault(
                f"{label}: the column {name!r} is missing (there are: {listed}); "
                f"it needs the columns {' and '.join(required)}"
            )
    wanted = [name for name in COLUMNS if name in names]
    for name in wanted:
        if list(names).count(name) > 1:
            raise DataFault(f"{label}: duplicate column {name!r}; a column may appear once")
    return wanted


def _must_hold_texts(label: str, schema: pa.Schema, required: Sequence[str]) -> None:
    for name in required:
        kind = schema.field(name).type
        held = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not (_is_text(held) or _is_bytes(held) or pa.types.is_null(held)):
            raise DataFault(f"{label}: the column {name!r} holds {kind}; it must hold texts")


def _numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[Row]:
    number = 0
    for batch in batches:
        names = batch.schema.names
        for values in zip(*(_values(column) for column in batch.columns), strict=True):
            number += 1
            yield Row(number, dict(zip(names, values, strict=True)))


def _values(column: pa.Array) -> list[Any]:
    """Return the values as plain Python objects: texts as bytes, moments as seconds since 1970."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if _is_text(kind):
        # Not decoded, so that one bad text spoils only its own row.
        column = column.cast(pa.large_binary())
    elif pa.types.is_date(kind):
        column = column.cast(pa.date64()).cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
        whole = column.cast(pa.int64()).to_pylist()
        return [None if value is None else value / per_second for value in whole]
    values: list[Any] = column.to_pylist()
    return values


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


@contextmanager
def _explained(label: str, what: str) -> Iterator[None]:
    """Turn whatever the readers raise into a `DataFault`."""
    try:
        yield
    except (DataFault, GeneratorExit):
        raise
    except Exception as error:
        # The readers raise a dozen types, some of them builtin, on damaged files.
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataFault(
            f"{label}: cannot be read as {what}: {cause[:200]}; it must be complete and valid"
        ) from error
