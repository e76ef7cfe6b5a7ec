"""A record that cannot be used, and values as its reason shows them."""

import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_QUOTED_BYTES = 80
"""Bytes of a line that are looked at, to show some of them."""
_redacting: ContextVar[Callable[[str], str] | None] = ContextVar("redacting", default=None)
"""What is taken out of values before they are shown; None: nothing."""

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = _shortener.maxlong = 40
_shortener.maxlist = _shortener.maxdict = _shortener.maxtuple = 2
_shortener.maxlevel = 2


class BadRecord(ValueError):
    """A record that goes into quarantine; the message is the reason."""


@contextmanager
def quoting(redact: Callable[[str], str]) -> Iterator[None]:
    r"""Let the messages of a block show values without what a function takes out of them.

    Every sentence of this room quotes through `shortened`, so that none has to be told.

    Parameters
    ----------
    redact
        From text to text; what it fails on is not shown at all.

    Examples
    --------
    >>> with quoting(lambda text: text.replace("ada", "[name]")):
    ...     shortened({"query": "ada's card"})
    '{\'query\': "[name]\'s card"}'
    """
    before = _redacting.set(redact)
    try:
        yield
    finally:
        _redacting.reset(before)


def shortened(value: object) -> str:
    """Return the value for a message: quoted, without control characters, at most 40 long."""
    redact = _redacting.get()
    if isinstance(value, bytes):
        text = value[:_QUOTED_BYTES].decode("utf-8", "replace")
        # A part of what is taken out would not be known as such.
        cut = redact is not None and len(value) >= _QUOTED_BYTES
        value = " ".join(text.split(" ")[:-1]) if cut else text
    if redact is not None:
        value = _redacted(value, redact)
    # Control characters are escaped by `repr`; what is left must be storable on every engine.
    return _shortener.repr(value).encode("utf-8", "backslashreplace").decode("utf-8")


def _redacted(value: object, redact: Callable[[str], str]) -> object:
    """Return a value, and all within it, as it may be shown."""
    if isinstance(value, str):
        try:
            return redact(value)
        except Exception:
            return "[redacted]"
    if isinstance(value, Mapping):
        return {_redacted(name, redact): _redacted(each, redact) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each, redact) for each in value]
    if value is None or isinstance(value, bool):
        return value
    shown = str(value)  # A card number may be a number.
    return value if (left := _redacted(shown, redact)) == shown else left


def kind_of(value: object) -> str:
    """Return what JSON calls a value of this type."""
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"of type {type(value).__name__}"
