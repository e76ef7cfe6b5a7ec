"""Tables as rows: Parquet files and data sets, read batch by batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.columns import Columns
from training.faults import DataFault

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file from 1, and its values or what is wrong with it."""

    number: int
    content: dict[str, object] | BadRecord


def parquet_rows(path: Path, label: str, columns: Columns) -> Iterator[Row]:
    """Yield the rows of a Parquet file.

    Raises
    ------
    DataFault
        It is not a Parquet file, or a required column is missing or does not hold texts.
    """
    with _explained(label, "Parquet"), pa.parquet.ParquetFile(path, memory_map=False) as file:
        wanted = _columns_to_read(label, file.schema_arrow, columns)
        batches = file.iter_batches(batch_size=_BATCH, columns=wanted)
        yield from _numbered(label, batches, file.metadata.num_rows)


def parquet_names(path: Path, label: str) -> list[str]:
    """Return the names of the columns of a Parquet file; raises DataFault if it is none."""
    with _explained(label, "Parquet"), pa.parquet.ParquetFile(path, memory_map=False) as file:
        return list(file.schema_arrow.names)


class DataSet:
    """A data set of the hub, or of a folder that `datasets` can load, or that it saved.

    On the hub it is named `hf:<name>[:<split>]`; a folder may be named like that or as it is.
    Without a split, `train` is read, or the only one.

    Raises
    ------
    DataFault
        It cannot be loaded, or a required column is missing or does not hold texts.
    """

    def __init__(self, label: str, root: Path) -> None:
        self.label = label
        name, split = label, ""
        if label.startswith("hf:"):
            name, _, split = label.removeprefix("hf:").partition(":")
        folder = root / name
        with _explained(label, "a data set"):
            self._data = (
                self._saved(folder, split)
                if is_saved(folder)
                else _load(str(folder) if folder.is_dir() else name, split)
            )

    def _saved(self, folder: Path, split: str) -> Any:
        from datasets import DatasetDict, load_from_disk

        found = load_from_disk(str(folder))
        if not isinstance(found, DatasetDict):
            return found
        wanted = split or ("train" if "train" in found or len(found) != 1 else next(iter(found)))
        if wanted not in found:
            raise DataFault(
                f"{self.label}: has no split {wanted!r}; name one of {', '.join(found)}, such as "
                f"hf:{self.label.removeprefix('hf:')}:{next(iter(found))}"
            )
        return found[wanted]

    @property
    def stamp(self) -> str:
        """What changes when the data do."""
        return str(self._data._fingerprint)

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Yield the rows."""
        with _explained(self.label, "a data set"):
            wanted = _columns_to_read(self.label, self._data.features.arrow_schema, columns)
            table = self._data.select_columns(wanted).with_format("arrow")
            batches = (part for whole in table.iter(_BATCH) for part in whole.to_batches())
            yield from _numbered(self.label, batches, len(self._data))


def is_saved(folder: Path) -> bool:
    """Return whether a folder was written by `save_to_disk` of `datasets`."""
    return any((folder / name).is_file() for name in ("state.json", "dataset_dict.json"))


def _load(name: str, split: str) -> Any:
    from datasets import load_dataset

    return load_dataset(name, split=split or "train")


def _columns_to_read(label: str, schema: pa.Schema, columns: Columns) -> list[str]:
    """Return the columns to read; raises DataFault if a text's column holds something else."""
    wanted = columns.to_read(label, schema.names)
    for name in columns.of_texts(schema.names):
        kind = schema.field(name).type
        held = _held(kind)
        if pa.types.is_integer(held) and name in columns.may_be_ids(schema.names):
            continue
        if not (_is_text(held) or _is_bytes(held) or pa.types.is_null(held)):
            raise DataFault(f"{label}: the column {name!r} holds {kind}; it must hold texts")
    return wanted


def _held(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values in a dictionary or in lists."""
    return kind.value_type if pa.types.is_dictionary(kind) or _is_list(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _numbered(label: str, batches: Iterator[pa.RecordBatch], count: int) -> Iterator[Row]:
    """Yield the rows; raises DataFault if they are not as many as the file says it holds."""
    number = 0
    for batch in batches:
        names = batch.schema.names
        for values in zip(*(_values(column) for column in batch.columns), strict=True):
            number += 1
            yield Row(number, dict(zip(names, values, strict=True)))
    if number != count:
        raise DataFault(f"{label}: {number} of {count} rows could be read; it must be complete")


def _values(column: pa.Array) -> list[Any]:
    """Return the values as plain Python objects: texts as bytes, moments as seconds since 1970."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if _is_text(kind):
        # Not decoded, so that one bad text spoils only its own row.
        column = column.cast(pa.large_binary())
    elif _is_list(kind) and _is_text(kind.value_type):
        column = column.cast(pa.large_list(pa.large_binary()))
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
