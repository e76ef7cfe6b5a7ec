"""Text that somebody else wrote, as it may be shown: without what could steer a terminal."""

import re

_STEERING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
    "\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Controls, escapes included, what turns the direction of writing, and halves of characters.

A line end is left: messages have several lines. Joiners and marks of direction are left too, as
some scripts cannot be written without them.
"""
_BLANK = "\t\r\v\f\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}\x85"


def plain(text: str) -> str:
    r"""Return a text in which nothing steers a terminal; line ends stay.

    Examples
    --------
    >>> plain("a\tb\x1b[31mred\nnext")
    'a b�[31mred\nnext'
    """
    return _STEERING.sub(
        lambda found: " " if found[0] in _BLANK else "\N{REPLACEMENT CHARACTER}", text
    )


def on_one_line(text: str, instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    r"""Return a text in which nothing steers a terminal, without line ends.

    Parameters
    ----------
    instead
        What stands for a character that would.

    Examples
    --------
    >>> on_one_line("a\nb\x9b31m"), on_one_line("\x1b[2J", " ")
    ('a b�31m', ' [2J')
    """
    told = plain(text.replace("\n", " "))
    return told.replace("\N{REPLACEMENT CHARACTER}", instead)


def escaped(written: str) -> str:
    r"""Return JSON or TOML of the same value in which nothing steers a terminal.

    Both write such a character as an escape within a text; they have none anywhere else.

    Examples
    --------
    >>> escaped('{"a": "\x9b31m"}')
    '{"a": "\\u009b31m"}'
    """
    return _STEERING.sub(
        lambda found: found[0] if found[0] in "\t\r" else f"\\u{ord(found[0]):04x}", written
    )
