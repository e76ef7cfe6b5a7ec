"""Values as logs write them: lists in many forms, ratings, texts that may be bytes."""

import ast
import math
import re
from collections.abc import Mapping
from contextlib import suppress

from pydantic_core import from_json

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.matches import is_answer

_UP = {"up", "thumbs up", "thumb up", "👍", "+1", "like", "liked", "upvote", "good", "helpful"}
_DOWN = {"down", "thumbs down", "thumb down", "👎", "dislike", "disliked", "downvote", "bad"}
_DOWN |= {"unhelpful", "not helpful"}
_SEPARATORS = re.compile(r"\s*[,;|]\s*")
_BETWEEN_QUOTED = re.compile(r"(?<=['\"])\s+(?=['\"])")


def plain(value: object) -> object:
    """Return a value with its bytes as text, lists and objects included.

    Raises
    ------
    BadRecord
        Bytes are not UTF-8.
    """
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise BadRecord(
                f"it holds bytes that are not UTF-8 ({shortened(value)}); files must be written "
                "as UTF-8"
            ) from None
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def unpacked(value: object) -> object:
    """Return the list or object that a text holds; other values as they are.

    JSON, Python's own notation (as pandas writes lists into CSV), and words between commas.

    Examples
    --------
    >>> unpacked('["a", "b"]'), unpacked("['a' 'b']"), unpacked("a, b"), unpacked("one text")
    (['a', 'b'], ['a', 'b'], ['a', 'b'], 'one text')
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text[:1] in ("[", "{"):
        with suppress(ValueError):
            return from_json(text)
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(_BETWEEN_QUOTED.sub(", ", text))
        return value
    parts = [part for part in _SEPARATORS.split(text) if part]
    if len(parts) > 1 and not any(re.search(r"\s", part) for part in parts):
        return parts
    return text or None


def listed(value: object) -> list[object]:
    """Return the items of a value that may be a list, one item, or nothing."""
    found = unpacked(value)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def name_of(value: object) -> str:
    """Return what names a document: a text, or a whole number as text; "" for other values.

    Examples
    --------
    >>> name_of(7), name_of(7.0), name_of(" a "), name_of(True), name_of(None)
    ('7', '7', 'a', '', '')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**30 else ""
    return value.strip() if isinstance(value, str) else ""


def number_of(value: object) -> float | None:
    """Return a finite number, or None."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def rating_of(value: object, *, stars: bool = False, zero: int | None = None) -> int | None:
    """Return 1 for a thumb up, -1 for a thumb down, None for neither.

    Parameters
    ----------
    value
        A truth value, a word, a number from -1 to 1, or stars from 1 to 5.
    stars
        Whether 1 means one star of five.
    zero
        What 0 means; None: nothing.

    Raises
    ------
    BadRecord
        It says nothing of the kind.

    Examples
    --------
    >>> [rating_of(each) for each in (True, "thumbs_down", -1, 0.9, 4, "yes", None)]
    [1, -1, -1, 1, 1, 1, None]
    >>> rating_of("later")
    Traceback (most recent call last):
    pipeline.intake.bad_record.BadRecord: 'later'; a rating must be 1 or -1
    """
    if value is None or isinstance(value, bool):
        return None if value is None else (1 if value else -1)
    if isinstance(value, str):
        word = value.strip().lower().replace("_", " ").replace("-", " ").strip()
        if word in _UP or word in _DOWN:
            return 1 if word in _UP else -1
        if not word:
            return None
    number = number_of(value)
    if number is None:
        answer = is_answer("feedback", value) if isinstance(value, str) else None
        if answer is None:
            raise BadRecord(f"{shortened(value)}; a rating must be 1 or -1")
        return 1 if answer else -1
    return _of_number(number, stars, zero)


def _of_number(number: float, stars: bool, zero: int | None) -> int | None:
    if stars or number > 1:
        return 1 if number > 3 else (-1 if number < 3 else None)
    if number == 0:
        return zero
    return 1 if number >= 0.5 else -1
