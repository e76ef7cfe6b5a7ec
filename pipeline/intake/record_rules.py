"""What a record must look like to be a pair or a text, and the sentence that says what is wrong."""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.store import Traffic
from training.pairs import Pair

COLUMNS = ("id", "query", "positive", "negative", "text", "source", "timestamp")
"""All that is read of a record; anything else in it is ignored."""
REQUIRED: Mapping[str, tuple[str, ...]] = {"pair": ("query", "positive"), "traffic": ("text",)}
"""What a record of each kind must hold."""

_LABEL_CHARACTERS = 500
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_NUMBER = re.compile(r"-?\d{9,}(\.\d+)?|-?\d+\.\d+", re.ASCII)
_TIMESTAMP = "it must be ISO 8601 (2024-05-31T12:00:00Z) or seconds since 1970"

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


@dataclass(frozen=True)
class RecordRules:
    """The limits for records read at one moment.

    Parameters
    ----------
    max_text_characters
        Longest text.
    now
        Seconds since the epoch.
    future_hours
        How far a timestamp may lie ahead of now.

    Examples
    --------
    >>> rules = RecordRules(max_text_characters=100, now=1.7e9, future_hours=24.0)
    >>> rules.traffic({"text": "where is my card", "timestamp": "2020-01-01"}).timestamp
    1577836800.0
    >>> rules.traffic({"text": " "})
    Traceback (most recent call last):
    pipeline.record_rules.BadRecord: text is blank (' '); it must hold something to read
    """

    max_text_characters: int
    now: float
    future_hours: float

    def pair(self, values: Mapping[str, object]) -> Pair:
        """Return the pair that the values describe; other keys are ignored."""
        return Pair(
            id=self._label(values, "id"),
            query=self._text(values, "query"),
            positive=self._text(values, "positive"),
            negative=self._text(values, "negative", required=False),
            source=self._label(values, "source"),
            timestamp=self._timestamp(values),
        )

    def traffic(self, values: Mapping[str, object]) -> Traffic:
        """Return the text that the values describe; other keys are ignored."""
        return Traffic(
            text=self._text(values, "text"),
            id=self._label(values, "id"),
            source=self._label(values, "source"),
            timestamp=self._timestamp(values),
        )

    def _text(self, values: Mapping[str, object], key: str, *, required: bool = True) -> str:
        value = values.get(key)
        if value is None:
            if not required:
                return ""
            state = "null" if key in values else "missing"
            raise BadRecord(f"{key} is {state}; it must be a text")
        text = _plain(key, value)
        if not text or text.isspace():
            if not required:
                return ""
            state = f"blank ({shortened(text)})" if text else "empty"
            raise BadRecord(f"{key} is {state}; it must hold something to read")
        if len(text) > self.max_text_characters:
            raise BadRecord(
                f"{key} has {len(text)} characters ({shortened(text)}); at most "
                f"{self.max_text_characters} are allowed (intake.max_text_characters)"
            )
        return text

    def _label(self, values: Mapping[str, object], key: str) -> str:
        value = values.get(key)
        if value is None:
            return ""
        if key == "id" and isinstance(value, int) and not isinstance(value, bool):
            value = shortened(value) if abs(value) >= 10**30 else str(value)
        text = _plain(key, value)
        if len(text) > _LABEL_CHARACTERS:
            raise BadRecord(
                f"{key} has {len(text)} characters ({shortened(text)}); "
                f"at most {_LABEL_CHARACTERS} are allowed"
            )
        return "" if text.isspace() else text

    def _timestamp(self, values: Mapping[str, object]) -> float | None:
        value = values.get("timestamp")
        if value is None or (isinstance(value, str | bytes) and not value.strip()):
            return None
        seconds = _seconds(value)
        if seconds > self.now + self.future_hours * 3600:
            raise BadRecord(
                f"timestamp {shortened(value)} lies in the future; it may lie at most "
                f"{self.future_hours:g} hours ahead of the clock (seconds, not milliseconds)"
            )
        if not seconds >= _EARLIEST:
            raise BadRecord(f"timestamp {shortened(value)} is out of range; {_TIMESTAMP}")
        return seconds


def _plain(key: str, value: object) -> str:
    """Return the value as text that every engine can hold."""
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise BadRecord(
                f"{key} holds bytes that are not UTF-8 ({shortened(value)}); "
                "files must be written as UTF-8"
            ) from None
    if not isinstance(value, str):
        raise BadRecord(f"{key} is {_kind(value)} ({shortened(value)}); it must be a text")
    if "\0" in value:
        raise BadRecord(f"{key} holds a NUL character ({shortened(value)}); it must be plain text")
    try:
        if not value.isascii():
            value.encode()
    except UnicodeEncodeError:
        raise BadRecord(
            f"{key} holds half of a surrogate pair ({shortened(value)}); it must be valid Unicode"
        ) from None
    return value


def _seconds(value: object) -> float:
    """Return seconds since the epoch, nan for what is no moment a clock can show."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    try:
        if isinstance(value, str):
            text = value.strip()
            if _NUMBER.fullmatch(text):
                return float(text)
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise BadRecord(f"timestamp is {_kind(value)} ({shortened(value)}); {_TIMESTAMP}")


def _kind(value: object) -> str:
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
