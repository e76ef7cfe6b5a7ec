"""Delimited text as rows: CSV and TSV files, whatever their delimiter, line ends and quotes."""

import csv
import io
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.columns import Columns, plan_of
from pipeline.intake.tables import Row
from pipeline.store import Kind
from training.faults import DataFault

DELIMITED = (".csv", ".tsv")
"""Endings of files that are read as delimited text."""

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?', re.IGNORECASE)
_ROWS_IN_A_FIELD = 10
_CHUNK = 1 << 16


class DelimitedRows:
    r"""The rows of an open file after its header, which is row 1; values are texts or UTF-8.

    A row is a record: a quoted field may hold line ends. Lines that a stray quotation mark swallows
    count as rows of their own, and all of them are bad. The delimiter is the one of `,`, `;`, tab
    and `|` that finds the most known columns in the header. A last row without line end that is
    too short, or ends within quotation marks, stays for the next time, unless the file is
    `complete`.

    Parameters
    ----------
    stream
        The open file, unbuffered.
    size
        Bytes to read up to.
    label
        Name of the file, for messages.
    columns
        Which names are read.
    max_row_bytes
        Longer rows are bad and never held in memory.
    complete
        Whether nothing more will be appended.

    Attributes
    ----------
    waiting : int
        The number of the last row if it stays for the next time, otherwise 0.
    unended : int
        The number of the last row if it has no line end and was read all the same, otherwise 0.

    Examples
    --------
    >>> file = io.BytesIO(b'query;positive\nlost card;"block it"\n5" pipe;"yes"!\n')
    >>> rows = DelimitedRows(file, 99, "a.csv", Columns("pair"), max_row_bytes=1000, complete=True)
    >>> for row in rows:
    ...     print(row.number, str(row.content)[:62])
    2 {'query': 'lost card', 'positive': 'block it'}
    3 text follows the closing quotation mark of a quoted field that
    """

    def __init__(
        self,
        stream: Any,
        size: int,
        label: str,
        columns: Columns,
        *,
        max_row_bytes: int,
        complete: bool = False,
    ) -> None:
        self._label, self._columns, self._complete = label, columns, complete
        self._lines = _Lines(_Part(stream, size), max_row_bytes)
        self.waiting = self.unended = 0
        # The limit of the library is one for the whole process: it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), max_row_bytes))

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows that are not blank."""
        header, delimiter, number = self._header()
        # Who writes a space behind each delimiter of the header writes one before the quotes, too.
        spaced = len(header) > 1 and all(name.startswith(" ") for name in header[1:])
        header = [name.strip() for name in header]
        wanted = self._columns.to_read(self._label, header)
        places = [(name, header.index(name)) for name in wanted]
        width, lines = len(header), self._lines
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=spaced)
        while True:
            lines.begin_row()
            values: list[str] = []
            reason = ""
            try:
                values = next(reader)
            except StopIteration:
                return
            except _RowTooLong:
                reason = f"the row is longer than {lines.most} bytes ({{}}); longer ones are not "
                reason += "read (intake.max_line_bytes)"
            except csv.Error as error:
                reason = _misquoted(error)
            number += 1
            if self._may_be_continued(values, width, reason):
                self.waiting = number
                return
            if values and not lines.row[-1].endswith(("\n", "\r")):
                self.unended = number
            if not reason and values:
                reason = lines.shape_of_a_mistake(values, width, delimiter)
            if reason:
                yield from self._bad(number, reason)
                number += len(lines.row) - 1
            elif values:
                yield Row(number, {name: _raw(values[place]) for name, place in places})

    def _may_be_continued(self, values: Sequence[str], width: int, reason: str) -> bool:
        """Say whether the row is the last one, on one line, and was cut off."""
        lines = self._lines
        if self._complete or len(lines.row) != 1 or lines.row[0].endswith(("\n", "\r")):
            return False
        too_short = not reason and 0 < len(values) < width
        return too_short or reason == _NOT_CLOSED or (bool(values) and lines.goes_on)

    def _bad(self, number: int, reason: str) -> Iterator[Row]:
        """Yield a row that cannot be read, and each line that it swallowed."""
        swallowed = len(self._lines.row) - 1
        told = reason.format(shortened(_raw(self._lines.row[0].rstrip("\r\n"))))
        if swallowed:
            following = "line that follows" if swallowed == 1 else f"{swallowed} lines that follow"
            told += f"; the row swallowed the {following}"
        yield Row(number, BadRecord(told))
        for place in range(number + 1, number + 1 + swallowed):
            yield Row(place, BadRecord(f"the line was swallowed by row {number}, which is bad"))

    def _header(self) -> tuple[list[str], str, int]:
        """Return the names of the columns, the delimiter, and the number of the header's row."""
        lines = self._lines
        lines.begin_row()
        try:
            first = next(lines, "").removeprefix(BOM_UTF8.decode("latin-1"))
            number = 1
            if found := _SEPARATOR_LINE.fullmatch(first.rstrip("\r\n")):
                first, number = next(lines, ""), 2
            candidates = [found[1]] if found else sorted(_DELIMITERS, key=self._unlikely)
            # A field of the header may be quoted and hold a line end.
            while first.count('"') % 2 and (more := next(lines, "")):
                first += more
        except _RowTooLong:
            raise DataFault(
                f"{self._label}: the header is longer than {lines.most} bytes; the first row must "
                "name the columns"
            ) from None
        if not first.strip():
            raise DataFault(f"{self._label}: is empty; the first row must name the columns")
        if "\0" in first:
            raise DataFault(
                f"{self._label}: the header holds NUL characters; the file must be saved as UTF-8"
            )
        kind = self._columns.kind
        parsed = [(delimiter, _names(first, delimiter)) for delimiter in candidates]
        delimiter, names = max(parsed, key=lambda each: len(_known(kind, each[1])))
        if not names:
            raise DataFault(
                f"{self._label}: the quotation marks of the header do not match "
                f"({shortened(_raw(first))}); the first row must name the columns"
            )
        return names, delimiter, number

    def _unlikely(self, delimiter: str) -> int:
        if self._label.lower().endswith(".tsv"):
            return "\t,;|".index(delimiter)
        return _DELIMITERS.index(delimiter)


_NOT_CLOSED = "a quoted field that begins in this row ({}) is not closed before the end of the file"


def _misquoted(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return _NOT_CLOSED
    return (
        "text follows the closing quotation mark of a quoted field that begins in this row ({}); "
        "a quotation mark within a field must be doubled"
    )


def _names(header: str, delimiter: str) -> list[str]:
    """Return the names in a header; none if its quotation marks do not match."""
    try:
        names = next(csv.reader(header.splitlines(keepends=True), delimiter=delimiter, strict=True))
    except csv.Error:
        return []
    return [name.encode("latin-1").decode("utf-8", "replace") for name in names]


def _known(kind: Kind, names: Sequence[str]) -> list[str]:
    """Return the columns that are read."""
    return plan_of(kind, [name.strip() for name in names]).read


def _raw(value: str) -> str | bytes:
    """Return the bytes that were read as Latin-1; plain ASCII means itself."""
    return value if value.isascii() else value.encode("latin-1")


class _RowTooLong(Exception):
    """A row is longer than what may be held in memory."""


class _Lines:
    """Lines with their ends, and those of the current row.

    Latin-1 has a character for each byte: a row that is not UTF-8 spoils only itself.
    """

    def __init__(self, part: "_Part", most: int) -> None:
        self._part = part
        self._text = io.TextIOWrapper(io.BufferedReader(part), encoding="latin-1", newline="")
        self.most = self._room = most
        self.row: list[str] = []

    @property
    def goes_on(self) -> bool:
        """Return whether the file has grown since it was opened."""
        return self._part.goes_on

    def begin_row(self) -> None:
        """Begin a row with the next line."""
        self.row, self._room = [], self.most

    def __iter__(self) -> Iterator[str]:
        """Return the lines themselves."""
        return self

    def __next__(self) -> str:
        """Return the next line; skip it and raise if the row becomes too long."""
        line = self._text.readline(self._room + 1)
        if not line:
            raise StopIteration
        self.row.append(line)
        self._room -= len(line)
        if self._room < 0:
            while line and not line.endswith(("\n", "\r")):
                line = self._text.readline(_CHUNK)
            raise _RowTooLong
        return line

    def shape_of_a_mistake(self, values: Sequence[str], width: int, delimiter: str) -> str:
        """Return what is wrong with a row by its shape; empty if nothing is."""
        if len(values) != width:
            return (
                f"the row has {len(values)} columns ({{}}), but the header has {width}; "
                "they must be equal"
            )
        inner = self.row[1:-1]
        # A stray quotation mark may be closed by another one, many rows later. Each line between
        # them then has the delimiters of a row; text has them in a few lines only.
        if (
            len(inner) * (width - 1) >= _ROWS_IN_A_FIELD
            and all(line.count(delimiter) >= width - 1 for line in inner)
            and all(len(row) == width for row in csv.reader(inner, delimiter=delimiter))
        ):
            return (
                "a quoted field that begins in this row ({}) holds lines that are rows themselves; "
                "a quotation mark within a field must be doubled"
            )
        return ""


class _Part(io.RawIOBase):
    """The first bytes of a file: what it held when it was opened."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream, self._left = stream, size

    @property
    def goes_on(self) -> bool:
        """Return whether something follows the part; once it was read to its end."""
        return bool(self._stream.read(1))

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read up to the size of the buffer, and never beyond the part."""
        raw = self._stream.read(min(len(buffer), self._left))
        self._left -= len(raw)
        buffer[: len(raw)] = raw
        return len(raw)
