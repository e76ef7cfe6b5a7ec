"""OpenInference: the retriever spans of a trace as lines of a log, flat or as OTLP writes them.

The conventions: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.log_values import name_of, number_of, unpacked
from pipeline.intake.moments import seconds_of

_KIND = "openinference.span.kind"
_DOCUMENT = re.compile(r"retrieval\.documents\.(\d+)\.document\.(id|content|score|metadata)")
_QUERIES = (
    *("query", "question", "user_query", "search_query", "query_str", "query_text", "input"),
    *("str_or_query_bundle", "text", "q", "prompt"),
)
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Span:
    """One span: its place in the trace, its beginning and end, its attributes by dotted name."""

    trace: str
    id: str
    parent: str
    began: object
    ended: object
    attributes: Mapping[str, object]

    @property
    def is_retriever(self) -> bool:
        """Return whether documents were retrieved in it."""
        return str(self.attributes.get(_KIND, "")).upper() == "RETRIEVER"

    @property
    def seconds(self) -> float | None:
        """Return how long it took; None where its beginning or end is no moment."""
        try:
            seconds = seconds_of(self.ended) - seconds_of(self.began)
        except BadRecord:
            return None
        return seconds if seconds >= 0 else None


def spans_within(record: Mapping[str, object]) -> list[Span] | None:
    """Return the spans that a record holds; None if it is neither a span nor an OTLP request.

    Examples
    --------
    >>> record = {"attributes": {"openinference.span.kind": "RETRIEVER", "input.value": "a card"}}
    >>> [span.is_retriever for span in spans_within(record)]
    [True]
    """
    resources = record.get("resourceSpans", record.get("resource_spans"))
    if isinstance(resources, list):
        return [_otlp_span(each) for each in _below(resources)]
    if "startTimeUnixNano" in record and isinstance(record.get("attributes"), list):
        return [_otlp_span(record)]
    attributes = _flattened(unpacked(record.get("attributes")))
    prefix = "attributes."
    for name, each in record.items():
        if name.startswith(prefix):
            inner = unpacked(each) if name.endswith("documents") else each
            attributes |= _flattened(inner, name.removeprefix(prefix))
    attributes.setdefault(_KIND, record.get(_KIND, record.get("span_kind")))
    if attributes[_KIND] is None:
        return None
    context = record.get("context")
    context = context if isinstance(context, Mapping) else {}

    def named(name: str) -> str:
        return name_of(record.get(name, context.get(name, record.get(f"context.{name}"))))

    parent = name_of(record.get("parent_id", record.get("parent_span_id")))
    began, ended = record.get("start_time", record.get("timestamp")), record.get("end_time")
    return [Span(named("trace_id"), named("span_id"), parent, began, ended, attributes)]


def span_fields(spans: list[Span]) -> Iterator[dict[str, object]]:
    """Yield the fields of each retriever span under the names of a log's lines.

    A retriever within another one is a step of it, and no line of its own. The answer is what the
    span at the root of the trace put out, where it is among the spans.
    """
    known = {(span.trace, span.id): span for span in spans}
    answers = {span.trace: span.attributes.get("output.value") for span in spans if not span.parent}
    for span in spans:
        if not span.is_retriever or _is_step(span, known):
            continue
        attributes = span.attributes
        root = not span.parent
        yield {
            "query": attributes.get("input.value"),
            "id": f"{span.trace}/{span.id}" if span.trace and span.id else span.id or span.trace,
            "results": _documents(attributes),
            "answer": None if root else answers.get(span.trace),
            "session": attributes.get("session.id"),
            "user": attributes.get("user.id"),
            "timestamp": span.began,
            "seconds": span.seconds,
        }


def query_within(value: object) -> str:
    """Return the query in the input of a retriever: the text itself, or what is called so in it.

    Raises
    ------
    BadRecord
        No text in it is called a query, and it holds none or several.

    Examples
    --------
    >>> query_within("a card"), query_within('{"query": "a card", "k": 5}')
    ('a card', 'a card')
    """
    found = unpacked(value) if isinstance(value, str) and value.lstrip()[:1] == "{" else value
    for _ in range(_DEEPEST):
        if isinstance(found, str):
            return found
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        elif isinstance(found, Mapping):
            named = next((found[name] for name in _QUERIES if found.get(name)), None)
            texts = [each for each in found.values() if isinstance(each, str) and each.strip()]
            inner = texts if texts else list(found.values())
            found = named if named is not None else inner[0] if len(inner) == 1 else None
        else:
            break
    raise BadRecord("the input of the retriever holds no query; it must be a text, or name one")


def _documents(attributes: Mapping[str, object]) -> list[dict[str, object]]:
    found: dict[int, dict[str, object]] = {}
    for name, value in attributes.items():
        if match := _DOCUMENT.match(name):
            document = found.setdefault(int(match[1]), {})
            if match[2] == "metadata":
                rest = name[match.end() + 1 :]
                inner = {rest: value} if rest else unpacked(value)
                if isinstance(inner, Mapping):
                    document["metadata"] = {**_mapping(document.get("metadata")), **inner}
            else:
                document["text" if match[2] == "content" else match[2]] = value
    return [found[place] for place in sorted(found)]


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _is_step(span: Span, known: Mapping[tuple[str, str], Span]) -> bool:
    above = known.get((span.trace, span.parent)) if span.parent else None
    for _ in range(len(known)):
        if above is None or above.is_retriever:
            break
        above = known.get((above.trace, above.parent))
    return above is not None and above.is_retriever


def _below(resources: list[object]) -> Iterator[Mapping[str, object]]:
    """Yield the spans of an OTLP request; the names of its levels changed over time."""
    names = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans")
    for resource in resources:
        layer = _mapping(resource)
        for scope in (each for name in names for each in _list(layer.get(name))):
            yield from (_mapping(each) for each in _list(_mapping(scope).get("spans")))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _otlp_span(record: Mapping[str, object]) -> Span:
    def named(*names: str) -> object:
        return next((record[name] for name in names if name in record), None)

    attributes: dict[str, object] = {}
    for each in _list(record.get("attributes")):
        pair = _mapping(each)
        attributes |= _flattened(_otlp_value(pair.get("value")), name_of(pair.get("key")))
    began = number_of(named("startTimeUnixNano", "start_time_unix_nano"))
    ended = number_of(named("endTimeUnixNano", "end_time_unix_nano"))
    return Span(
        name_of(named("traceId", "trace_id")),
        name_of(named("spanId", "span_id")),
        name_of(named("parentSpanId", "parent_span_id")),
        None if began is None else began / 1e9,
        None if ended is None else ended / 1e9,
        attributes,
    )


def _otlp_value(value: object, depth: int = 0) -> object:
    """Return a value that OTLP wraps in the name of its type."""
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return value
    for name, each in value.items():
        if name == "arrayValue":
            return [_otlp_value(item, depth + 1) for item in _list(_mapping(each).get("values"))]
        if name == "kvlistValue":
            pairs = [_mapping(item) for item in _list(_mapping(each).get("values"))]
            return {
                name_of(pair.get("key")): _otlp_value(pair.get("value"), depth + 1)
                for pair in pairs
            }
        if name.endswith("Value"):
            return each
    return value


def _flattened(value: object, name: str = "", depth: int = 0) -> dict[str, object]:
    """Return the values below a value by their dotted names."""
    if isinstance(value, Mapping):
        items = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        items = [(str(number), each) for number, each in enumerate(value)]
    else:
        return {name: value} if name else {}
    found: dict[str, object] = {}
    for key, each in items if depth < _DEEPEST else ():
        found |= _flattened(each, f"{name}.{key}" if name else key, depth + 1)
    return found
