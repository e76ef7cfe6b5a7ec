"""Settings as TOML that people read: each key below its comments, in force or only shown."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH = 98


@dataclass(frozen=True)
class Line:
    """One key of a table."""

    key: str
    """Name of the key in its table, as a person writes it."""
    value: Any
    """What it is set to; None: it is not set, and only named."""
    in_force: bool
    """Whether a program that reads the text sees it; otherwise it is a comment."""
    comments: tuple[str, ...] = ()
    """What stands above it, a paragraph each."""


def toml_text(
    head: str, tables: Mapping[str, Sequence[Line]], about: Mapping[str, str] | None = None
) -> str:
    """Return a document.

    Parameters
    ----------
    head
        What it is, as comments at its beginning; line breaks are kept.
    tables
        Header of each table, such as `triggers.model_age`, and its keys.
    about
        Header of a table -> what it sets, as a comment above it.

    Examples
    --------
    >>> lines = [Line("max_drop", 0.1, True, ("Largest loss.",)), Line("min_gain", 0.0, False)]
    >>> print(toml_text("The gate.", {"gate": lines}))
    # The gate.
    <BLANKLINE>
    [gate]
    # Largest loss.
    max_drop = 0.1
    # min_gain = 0.0
    <BLANKLINE>
    """
    import tomlkit  # here: only people need comments

    parts = [_comment(*head.strip().splitlines())]
    for header, lines in tables.items():
        table = tomlkit.table()
        for line in lines:
            for comment in line.comments:
                for row in _rows(comment):
                    table.add(tomlkit.comment(row))
            if line.in_force:
                table.add(line.key, _item(line.value))
            else:
                shown = "(not set)" if line.value is None else toml_value(line.value)
                table.add(tomlkit.comment(f"{line.key} = {shown}"))
        above = _comment(*_rows((about or {}).get(header, "")))
        parts.append(f"{above}[{header}]\n{table.as_string()}")
    return "\n".join(parts)


def toml_key(*parts: str) -> str:
    """Return a dotted key, with quotes where TOML needs them.

    Examples
    --------
    >>> toml_key("anchors", "support 2023", "path")
    'anchors."support 2023".path'
    """
    import tomlkit

    return tomlkit.key(parts).as_string()


def toml_value(value: Any) -> str:
    """Return a value on one line.

    Examples
    --------
    >>> toml_value(0.02), toml_value(("a", "b")), toml_value({"path": "x"})
    ('0.02', '["a", "b"]', '{path = "x"}')
    """
    return str(_item(value).as_string())


def _item(value: Any) -> Any:
    """Return a value on one line, tables in it included, as values in an array are."""
    import tomlkit

    array = tomlkit.array()
    array.append(value)
    return array[0]


def _rows(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _comment(*rows: str) -> str:
    return "".join(f"# {row}".rstrip() + "\n" for row in rows)
