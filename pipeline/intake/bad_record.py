"""A record that cannot be used, and values as its reason shows them."""

import reprlib

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = _shortener.maxlong = 40
_shortener.maxlist = _shortener.maxdict = _shortener.maxtuple = 2
_shortener.maxlevel = 2


class BadRecord(ValueError):
    """A record that goes into quarantine; the message is the reason."""


def shortened(value: object) -> str:
    """Return the value for a message: quoted, without control characters, at most 40 long."""
    if isinstance(value, bytes):
        value = value[:80].decode("utf-8", "replace")
    # Control characters are escaped by `repr`; what is left must be storable on every engine.
    return _shortener.repr(value).encode("utf-8", "backslashreplace").decode("utf-8")


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
