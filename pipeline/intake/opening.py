"""An open source: its records to come, whatever the format, and how far they were read."""

import hashlib
import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import FileIO

from pipeline.intake.columns import Columns
from pipeline.intake.delimited import DELIMITED, DelimitedRows
from pipeline.intake.json_document import begins_with_a_line, document_rows
from pipeline.intake.json_lines import JsonLines, Line
from pipeline.intake.sources import LINES, Source, stamp_of
from pipeline.intake.tables import DataSet, Row, parquet_rows
from pipeline.store import FileProgress
from training.faults import DataFault


@dataclass(frozen=True)
class Reader:
    """An open source: its records to come, and, when they are read, how far that was.

    `unended` is the number of a row that had no line end when it was read before; `goes_on` says
    that the records follow those that were read before.
    """

    entries: Iterable[Line | Row]
    progress: Callable[[], FileProgress]
    remarks: Callable[[], tuple[str, ...]] = tuple
    unended: int = 0
    goes_on: bool = False


@contextmanager
def open_source(
    source: Source,
    columns: Columns,
    before: FileProgress,
    *,
    max_line_bytes: int,
    complete: bool,
) -> Iterator[Reader | None]:
    """Open a source after what was consumed; None if it did not change.

    Parameters
    ----------
    columns
        Which names are read.
    before
        How far it was read before.
    max_line_bytes
        Longest line or row.
    complete
        Whether nothing more will be appended.

    Raises
    ------
    DataFault
        It cannot be read as what it is.
    """
    if source.path is None:
        data = DataSet(source.label, source.root)
        after = replace(before, stamp=data.stamp)
        same = data.stamp == before.stamp
        yield None if same else Reader(data.rows(columns), lambda: after)
        return
    with source.opened() as stream:
        status = os.fstat(stream.fileno())
        stamp, size = stamp_of(status), status.st_size
        ending = source.path.suffix.lower()
        if stamp == before.stamp:
            yield None
            return
        if ending in (*LINES, *DELIMITED, ".json"):
            _must_be_utf_8(stream, source.label)
        if ending in LINES or (ending == ".json" and begins_with_a_line(stream, max_line_bytes)):
            lines = JsonLines(
                stream, size, before, max_line_bytes=max_line_bytes, complete=complete
            )
            yield Reader(
                lines,
                lambda: lines.progress(source.label, stamp),
                lambda: _remarks(lines),
                goes_on=before.done > 0 and not lines.rewritten,
            )
            return
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        after = FileProgress(source.label, stamp, size, 0, digest)
        if (digest, size) == (before.digest, before.done):
            yield Reader((), lambda: replace(after, lines=before.lines))
        elif ending in DELIMITED:
            stream.seek(0)
            rows = DelimitedRows(
                stream,
                size,
                source.label,
                columns,
                max_row_bytes=max_line_bytes,
                complete=complete,
            )
            yield Reader(
                rows,
                lambda: replace(after, lines=rows.unended),
                lambda: _remarks(rows),
                unended=before.lines,
            )
        elif ending == ".json":
            stream.seek(0)
            yield Reader(document_rows(stream, size, source.label), lambda: after)
        else:
            yield Reader(parquet_rows(source.path, source.label, columns), lambda: after)


def _must_be_utf_8(stream: FileIO, label: str) -> None:
    """Refuse what Windows programs call Unicode; raises DataFault."""
    begun = stream.read(2)
    stream.seek(0)
    if begun in (BOM_UTF16_LE, BOM_UTF16_BE):
        raise DataFault(f"{label}: is written in UTF-16; save it as UTF-8")


def _remarks(read: JsonLines | DelimitedRows) -> tuple[str, ...]:
    remarks = []
    if isinstance(read, JsonLines) and read.rewritten:
        remarks.append("was rewritten since it was read, and read again")
    if read.waiting:
        unit = "line" if isinstance(read, JsonLines) else "row"
        remarks.append(f"{unit} {read.waiting} is not complete yet and waits for the next time")
    return tuple(remarks)
