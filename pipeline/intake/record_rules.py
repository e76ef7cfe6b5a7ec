"""What a record must look like to be a pair or a text, and the sentence that says what is wrong."""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)

from pipeline.store import Traffic
from training.pairs import Pair

COLUMNS = (
    *("id", "query", "positive", "negative", "text", "source", "timestamp"),
    *("session", "user"),
)
"""All that is read of a record; anything else in it is ignored."""
REQUIRED: Mapping[str, tuple[str, ...]] = {"pair": ("query", "positive"), "traffic": ("text",)}
"""What a record of each kind must hold."""

ONE_OBJECT = "each line must be one JSON object"
"""What is allowed in JSON Lines, for messages."""

Content = bytes | Mapping[str, object]
"""A record before it is checked: a JSON object as bytes, or the values of a row."""

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


def _readable(text: str, info: ValidationInfo) -> str:
    """Return a text that must hold something to read."""
    if not text or text.isspace():
        state = f"blank ({shortened(text)})" if text else "empty"
        raise BadRecord(f"is {state}; it must hold something to read")
    return _storable(text, info)


def _readable_or_empty(text: str, info: ValidationInfo) -> str:
    return "" if not text or text.isspace() else _storable(text, info)


def _storable(text: str, info: ValidationInfo) -> str:
    """Return a text that is short enough, and that every engine can hold."""
    rules = cast(RecordRules, info.context)
    if "\0" in text or not text.isascii():
        _must_be_plain(text)
    if len(text) > rules.max_text_characters:
        raise BadRecord(
            f"has {len(text)} characters ({shortened(text)}); at most "
            f"{rules.max_text_characters} are allowed (intake.max_text_characters)"
        )
    return text


def _label(text: str) -> str:
    if "\0" in text or not text.isascii():
        _must_be_plain(text)
    if len(text) > _LABEL_CHARACTERS:
        raise BadRecord(
            f"has {len(text)} characters ({shortened(text)}); "
            f"at most {_LABEL_CHARACTERS} are allowed"
        )
    return "" if text.isspace() else text


def _must_be_plain(text: str) -> None:
    if "\0" in text:
        raise BadRecord(f"holds a NUL character ({shortened(text)}); it must be plain text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRecord(
            f"holds half of a surrogate pair ({shortened(text)}); it must be valid Unicode"
        ) from None


def _empty_for_null(value: object) -> object:
    return "" if value is None else value


def _number_as_text(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return shortened(value) if abs(value) >= 10**30 else str(value)
    return "" if value is None else value


def _group_as_text(value: object) -> object:
    """Return what names a session or a user as a text; an object or a truth value names nothing."""
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if isinstance(value, bool | dict | list | float) else _number_as_text(value)


def _moment(value: object, info: ValidationInfo) -> float | None:
    """Return seconds since the epoch, if a clock can show them and they are not in the future."""
    if value is None or (isinstance(value, str | bytes) and not value.strip()):
        return None
    rules = cast(RecordRules, info.context)
    seconds = _seconds(value)
    if seconds > rules.now + rules.future_hours * 3600:
        raise BadRecord(
            f"{shortened(value)} is in the future; it may be at most "
            f"{rules.future_hours:g} hours ahead of the clock (seconds, not milliseconds)"
        )
    if not seconds >= _EARLIEST:
        raise BadRecord(f"{shortened(value)} is out of range; {_TIMESTAMP}")
    return seconds


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
    raise BadRecord(f"is {_kind(value)} ({shortened(value)}); {_TIMESTAMP}")


_Text = Annotated[str, AfterValidator(_readable)]
_Optional = Annotated[str, BeforeValidator(_empty_for_null), AfterValidator(_readable_or_empty)]
_Id = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_label)]
_Label = Annotated[str, BeforeValidator(_empty_for_null), AfterValidator(_label)]
_Group = Annotated[str, BeforeValidator(_group_as_text), AfterValidator(_label)]
_Moment = Annotated[float | None, PlainValidator(_moment)]


class PairRecord(BaseModel):
    """A labelled pair as files hold it; other keys are ignored."""

    id: _Id = ""
    query: _Text
    positive: _Text
    negative: _Optional = ""
    source: _Label = ""
    timestamp: _Moment = None


class TrafficRecord(BaseModel):
    """An unlabelled text as files hold it; other keys are ignored."""

    text: _Text
    id: _Id = ""
    source: _Label = ""
    timestamp: _Moment = None
    session: _Group = ""
    user: _Group = ""


_Record = TypeVar("_Record", bound=BaseModel)
_PAIR = TypeAdapter(PairRecord)
_TRAFFIC = TypeAdapter(TrafficRecord)


@dataclass(frozen=True, slots=True)
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
    >>> rules.traffic(b'{"text": "where is my card", "timestamp": "2020-01-01"}').timestamp
    1577836800.0
    >>> rules.traffic({"text": " "})
    Traceback (most recent call last):
    pipeline.intake.record_rules.BadRecord: text is blank (' '); it must hold something to read
    """

    max_text_characters: int
    now: float
    future_hours: float

    def pair(self, content: Content) -> Pair:
        """Return the pair that a JSON object, as bytes, or a row describes."""
        record = self._checked(_PAIR, content)
        return Pair(
            record.id,
            record.query,
            record.positive,
            record.negative,
            record.source,
            record.timestamp,
        )

    def traffic(self, content: Content) -> Traffic:
        """Return the text that a JSON object, as bytes, or a row describes."""
        record = self._checked(_TRAFFIC, content)
        return Traffic(
            record.text,
            record.id,
            record.source,
            record.timestamp,
            record.session,
            record.user,
        )

    def _checked(self, adapter: TypeAdapter[_Record], content: Content) -> _Record:
        # Called a hundred thousand times per file: the adapter's own methods add a tenth.
        validator = adapter.validator
        record: _Record
        try:
            if isinstance(content, bytes):
                record = validator.validate_json(content, context=self)
            else:
                record = validator.validate_python(content, context=self)
        except ValidationError as error:
            raise _explained(error, content) from None
        return record


def _explained(error: ValidationError, content: Content) -> BadRecord:
    """Return the first fault of a record as a sentence: key, value, and what is allowed."""
    fault = error.errors(include_url=False)[0]
    kind, value = fault["type"], fault["input"]
    cause = fault.get("ctx", {}).get("error")
    if kind == "json_invalid":
        where = str(cause).replace(" at line 1 column ", " at column ")
        return BadRecord(f"not JSON: {where} ({shortened(content)}); {ONE_OBJECT}")
    if not fault["loc"]:
        return BadRecord(f"the line is {shortened(value)}, not an object; {ONE_OBJECT}")
    key = fault["loc"][0]
    if isinstance(cause, BadRecord):
        return BadRecord(f"{key} {cause}")
    if kind == "missing" or value is None:
        state = "missing" if kind == "missing" else "null"
        return BadRecord(f"{key} is {state}; it must be a text")
    if kind == "string_unicode":
        return BadRecord(
            f"{key} holds bytes that are not UTF-8 ({shortened(value)}); "
            "files must be written as UTF-8"
        )
    return BadRecord(f"{key} is {_kind(value)} ({shortened(value)}); it must be a text")


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
