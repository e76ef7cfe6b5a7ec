"""What a record must look like to be of its kind, and the sentence that says what is wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from pydantic_core import from_json

from pipeline.intake.bad_record import BadRecord, kind_of, shortened
from pipeline.intake.columns import Columns, Plan
from pipeline.intake.document_ids import DocumentId, ids_in, is_number
from pipeline.intake.matches import is_answer
from pipeline.intake.moments import TIMESTAMP, seconds_of
from pipeline.intake.postponed import too_early
from pipeline.store import Traffic
from training.pairs import Pair
from training.unlabelled import Document

ONE_OBJECT = "each line must be one JSON object"
"""What is allowed in JSON Lines, for messages."""

Content = bytes | Mapping[str, object]
"""A record before it is checked: a JSON object as bytes, or the values of a row."""

_LABEL_CHARACTERS = 500
_NAME = re.compile(rb'"([^"\\]{1,60})"\s*:')
_PLANS = 1_000
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Expanded:
    """A record with several positives or negatives, or one that says what is no answer.

    Attributes
    ----------
    pairs
        A pair per positive and negative, under ids that begin with the record's.
    answers
        Whether the positives answer the query; where not, each is a text that does not.
    """

    pairs: tuple[Pair, ...]
    answers: bool = True


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
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps
    if isinstance(value, int) and not isinstance(value, bool):
        return shortened(value) if abs(value) >= 10**30 else str(value)
    return "" if value is None else value


def _group_as_text(value: object) -> object:
    """Return what names a group, session or user as a text; an object or truth value does not."""
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
    seconds = seconds_of(value)
    if seconds > rules.now + rules.future_hours * 3600:
        raise BadRecord(too_early(value, seconds, rules.future_hours))
    if not seconds >= _EARLIEST:
        raise BadRecord(f"{shortened(value)} is out of range; {TIMESTAMP}")
    return seconds


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
    group: _Group = ""


class TrafficRecord(BaseModel):
    """An unlabelled text as files hold it; other keys are ignored."""

    text: _Text
    id: _Id = ""
    source: _Label = ""
    timestamp: _Moment = None
    session: _Group = ""
    user: _Group = ""


class DocumentRecord(BaseModel):
    """A document as files hold it; other keys are ignored."""

    text: _Optional
    id: _Id = ""
    title: _Optional = ""
    url: _Optional = ""
    source: _Label = ""
    timestamp: _Moment = None


_Record = TypeVar("_Record", bound=BaseModel)
_PAIR = TypeAdapter(PairRecord)
_TRAFFIC = TypeAdapter(TrafficRecord)
_DOCUMENT = TypeAdapter(DocumentRecord)


@dataclass(frozen=True, slots=True)
class RecordRules:
    """The limits for records read at one moment.

    Parameters
    ----------
    columns
        Which names are read.
    max_text_characters
        Longest text.
    now
        Seconds since the epoch.
    future_hours
        How far a timestamp may lie ahead of now.

    Examples
    --------
    >>> rules = RecordRules(Columns("traffic"), 100, now=1.7e9, future_hours=24.0)
    >>> rules.read(b'{"text": "where is my card", "timestamp": "2020-01-01"}').timestamp
    1577836800.0
    >>> rules.read({"text": " "})
    Traceback (most recent call last):
    pipeline.intake.bad_record.BadRecord: text is blank (' '); it must hold something to read
    >>> rules = RecordRules(Columns("pair"), 100, now=1.7e9, future_hours=24.0)
    >>> found = rules.read({"query": "lost card", "positive": "block it", "negative": ["a", "b"]})
    >>> [pair.negative for pair in found.pairs]
    ['a', 'b']
    """

    columns: Columns
    max_text_characters: int
    now: float
    future_hours: float
    _plans: dict[tuple[bytes, ...], Plan] = field(default_factory=dict)

    def read(self, content: Content) -> Pair | Traffic | Document | Expanded:
        """Return what a JSON object, as bytes, or a row describes."""
        plan = self._plan(content)
        if self.columns.kind == "traffic":
            return self._traffic(content)
        if self.columns.kind == "document":
            return self._document(content, plan)
        if plan is None or plan.plain:
            try:
                return self._pair(content)
            except BadRecord as bad:
                values = _values(content)
                if plan is None or not any(
                    isinstance(values.get(name), list) or is_number(values.get(name))
                    for name in ("positive", "negative")
                ):
                    near = (
                        "".join(plan.unread.values()) if plan and "is missing" in str(bad) else ""
                    )
                    raise BadRecord(f"{bad}{near}") from None
        values = _values(content)
        return self._expanded(values, self.columns.plan(tuple(values)))

    def _plan(self, content: Content) -> Plan | None:
        """Return how the record is read; None if it is no object."""
        if not isinstance(content, bytes):
            return self.columns.plan(tuple(content))
        names = tuple(_NAME.findall(content))
        plan = self._plans.get(names)
        if plan is None:
            # What looks like a name may belong to an object within the object.
            values = _values(content)
            if not values:
                return None
            plan = self.columns.plan(tuple(values))
            if len(self._plans) < _PLANS:
                self._plans[names] = plan
        return plan

    def _pair(self, content: Content) -> Pair:
        record = self._checked(_PAIR, content)
        return Pair(
            record.id,
            record.query,
            record.positive,
            record.negative,
            record.source,
            record.timestamp,
            record.group,
        )

    def _traffic(self, content: Content) -> Traffic:
        record = self._checked(_TRAFFIC, content)
        return Traffic(
            record.text,
            record.id,
            record.source,
            record.timestamp,
            record.session,
            record.user,
        )

    def _document(self, content: Content, plan: Plan | None) -> Document:
        if plan is not None and not plan.plain:
            values = _values(content)
            content = {field: values[column] for field, column in plan.fields.items()}
        record = self._checked(_DOCUMENT, content)
        if not record.text and not record.title:
            raise BadRecord("text is empty; it must hold something to read")
        return Document(**dict(record))

    def _expanded(self, values: Mapping[str, object], plan: Plan) -> Expanded:
        """Return a pair per positive and negative of a record."""
        fields = {field: values[column] for field, column in plan.fields.items()}
        positives = _texts_or_ids(values, plan.positives, plan.positive_ids)
        negatives = _texts_or_ids(values, plan.negatives, plan.negative_ids)
        answers = True
        for column in plan.matches:
            answer = is_answer(column, values[column])
            if answer is None:
                self.columns.ignore(column, values[column])
            answers &= answer is not False
        if not answers:
            positives, negatives = [*positives, *negatives], []
        if plan.positives and not positives:
            positives = [""]
        whole: list[dict[str, object]] = [
            {**fields, "positive": positive, "negative": negative}
            for positive in positives
            for negative in negatives or [""]
        ]
        # The rules name what is missing where there is no positive at all.
        first, *others = (_with_ids(self._pair(each), each) for each in whole or [fields])
        numbered = (
            replace(pair, id=f"{pair.id}#{number}") if pair.id else pair
            for number, pair in enumerate(others, 2)
        )
        return Expanded((first, *numbered), answers)

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


def _values(content: Content) -> Mapping[str, object]:
    """Return the values of a record; none if it is no object."""
    if not isinstance(content, bytes):
        return content
    try:
        found = from_json(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _with_ids(pair: Pair, values: Mapping[str, object]) -> Pair:
    """Return the pair with those of its texts marked that can only be ids."""
    if isinstance(values.get("positive"), DocumentId):
        pair = replace(pair, positive=DocumentId(pair.positive))
    if isinstance(values.get("negative"), DocumentId):
        pair = replace(pair, negative=DocumentId(pair.negative))
    return pair


def _texts_or_ids(
    values: Mapping[str, object], columns: Sequence[str], ids: Sequence[str]
) -> list[object]:
    """Return the texts of a record or, where it has none, the ids of documents."""
    texts = _several(values, columns)
    if is_number(texts):
        return [*ids_in(values, columns)]
    return texts or [*ids_in(values, ids)]


def _several(values: Mapping[str, object], columns: Sequence[str]) -> list[object]:
    """Return the texts of several columns, or of lists in them: each once, without empty ones."""
    found: list[object] = []
    for column in columns:
        value = values[column]
        for each in value if isinstance(value, list | tuple) else [value]:
            is_empty = each is None or (isinstance(each, str | bytes) and not each.strip())
            if not is_empty and each not in found:
                found.append(each)
    return found


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
    return BadRecord(f"{key} is {kind_of(value)} ({shortened(value)}); it must be a text")
