"""What a terminal shows of a result, as rows for a page: the same lines and tables."""

from dataclasses import dataclass

from pipeline.reports.terminal import parts_of
from pipeline.results import Result


@dataclass(frozen=True)
class Line:
    """A line of text, and whether it is a warning or belongs to the line before."""

    text: str
    warns: bool = False
    further: bool = False


@dataclass(frozen=True)
class Rows:
    """A table: its heads and its cells."""

    heads: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]


def rows_of(result: Result) -> list[Line | Rows]:
    """Return what the terminal shows of a result."""
    found: list[Line | Rows] = []
    for part in parts_of(result):
        if isinstance(part, str):
            text = part.strip()
            found.append(Line(text, text.startswith("warning:"), further=part.startswith(" ")))
        else:
            heads = tuple(str(each.header) for each in part.columns)
            columns = [[str(cell) for cell in each.cells] for each in part.columns]
            found.append(Rows(heads, tuple(zip(*columns, strict=True))))
    return found
