"""The screen: lines and tables fitted to its width, and nothing on it steers the terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pipeline.machine.plain_text import plain

Part = str | Table
"""A line of text, or a table."""

_FILE_WIDTH = 120
"""Columns of a table that goes into a file or another program."""
_AROUND_COLUMN = 3
"""Columns of the screen that the border and the margins of a column take."""
_HANGING = 2
"""Columns by which the rows after the first of a wrapped line are indented further."""


class _Screen(Console):
    """A console that shows each text as it is: no markup, no emoji codes, no steering."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(plain(text), **{**how, "markup": False, "emoji": False})


def show_parts(parts: Iterable[Part]) -> None:
    """Print lines and tables on stdout, fitted to the terminal.

    Lines and cells are wrapped between words. A table that is too wide for its longest words
    becomes a line per row. A file or another program gets lines as they are, and wide tables.
    """
    console = _Screen(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for part in parts:
        if isinstance(part, str) and not console.is_terminal:
            console.print(part, soft_wrap=True)
        elif isinstance(part, str):
            _print_line(console, part)
        elif _fit(console, part):
            console.print(part)
        else:
            for line in _rows(part):
                _print_line(console, line)


def _print_line(console: Console, line: str) -> None:
    """Print a line, wrapped between words where it is too long; later rows are indented further."""
    text = console.render_str(line)
    indent = len(line) - len(line.lstrip(" "))
    room = console.width - indent - _HANGING
    body = text[indent:]
    if text.cell_len <= console.width or _measured(console, body).minimum > room:
        # A long path stays one word, so that it can be copied.
        console.print(text, soft_wrap=True)
        return
    for number, row in enumerate(body.wrap(console, room)):
        row.rstrip()
        console.print(Text(" " * (indent + (_HANGING if number else 0))) + row, soft_wrap=True)


def _measured(console: Console, text: Text) -> Measurement:
    """Return the columns that a text takes at least, broken between its words, and at most."""
    # A measurement is never more than the width that it is made for.
    return Measurement.get(console, console.options.update_width(100_000), text)


def _fit(console: Console, table: Table) -> bool:
    """Give the columns of a table their widths; say whether no word must be cut for that."""
    least, most = [], []
    for column in table.columns:
        cells = [console.render_str(str(each)) for each in (column.header, *column.cells)]
        measured = [_measured(console, each) for each in cells]
        least.append(max(each.minimum for each in measured))
        most.append(max(each.maximum for each in measured))
    room = console.width - (_AROUND_COLUMN * len(least) + 1)
    if sum(least) > room:
        return False
    widths = [min(high, console.width) for high in most]
    while sum(widths) > room:
        # The widest gives way, so that short cells stay on one row.
        giving = [place for place, width in enumerate(widths) if width > least[place]]
        widths[max(giving, key=widths.__getitem__)] -= 1
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    return True


def _rows(table: Table) -> Iterator[str]:
    """Yield the rows of a table as lines: each cell with the header of its column."""
    headers = [str(column.header) for column in table.columns]
    columns = [list(map(str, column.cells)) for column in table.columns]
    for first, *others in zip(*columns, strict=True):
        cells = zip(headers[1:], others, strict=True)
        named = [(header, cell.split("\n")) for header, cell in cells if cell]
        told = [f"{header} {rows[0]}".strip() for header, rows in named if len(rows) == 1]
        yield f"{headers[0]} {first}: {' · '.join(told)}".strip()
        for header, rows in named:
            if len(rows) > 1:
                yield f"  {header}:"
                yield from (f"    {each}" for each in rows)
