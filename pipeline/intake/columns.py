"""The names of columns: which are read and as what, and which only come close to one."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.intake.bad_record import shortened
from pipeline.store import Kind
from training.faults import DataFault

_FIELDS: Mapping[Kind, Mapping[str, tuple[str, ...]]] = {
    "pair": {
        "id": ("id",),
        "query": ("query", "anchor", "question", "sentence1"),
        "source": ("source",),
        "timestamp": ("timestamp",),
        "group": ("group",),
    },
    "served": {
        "id": ("id", "query_id", "request_id", "trace_id", "_id"),
        "query": (
            *("query", "user_query", "question", "search_query", "user_input", "search"),
            *("prompt", "input", "text", "q"),
        ),
        "results": (
            *("results", "hits", "shown", "documents", "docs", "retrieved", "retrieved_documents"),
            *("contexts", "retrieved_contexts", "passages", "query_response_hit_ids"),
        ),
        "scores": ("scores",),
        "clicked": ("clicked", "clicks", "click", "clicked_ids", "selected"),
        "feedback": ("feedback", "ratings", "rating", "thumbs", "votes", "vote"),
        "answer": ("answer", "response", "completion", "output"),
        "session": ("session", "session_id", "conversation_id", "thread_id"),
        "user": ("user", "user_id", "client_id"),
        "source": ("source", "application", "app"),
        "timestamp": ("timestamp", "time", "@timestamp", "created_at", "date"),
        "version": ("version",),
        "seconds": ("seconds",),
    },
    "traffic": {name: (name,) for name in ("id", "text", "source", "timestamp", "session", "user")},
    "document": {
        "id": ("id", "_id", "doc_id", "docid", "document_id", "corpus_id"),
        "text": ("text", "contents", "content", "body", "passage"),
        **{name: (name,) for name in ("title", "url", "source", "timestamp")},
    },
}
"""Field of a record -> the columns that may hold it; the first that is there is read."""
_POSITIVES = re.compile(r"(?:positives?|pos)(?:_\d+)?")
_OTHER_POSITIVES = ("answer", "sentence2")
_NEGATIVES = re.compile(r"(?:(?:hard_)?negatives?|neg)(?:_\d+)?")
_POSITIVE_IDS = re.compile(
    r"(?:positives?|pos)_ids?(?:_\d+)?|(?:document|doc|corpus|passage)[_-]?ids?|docno"
)
_NEGATIVE_IDS = re.compile(r"(?:(?:hard_)?negatives?|neg)_ids?(?:_\d+)?")
_MATCHES = (
    *("label", "labels", "score", "similarity", "relevance"),
    *("relevant", "is_relevant", "is_match", "is_duplicate"),
)

_FORMATS = {"user_query", "action_name", "attributes", "resourceSpans", "context.span_id"}
"""Columns of logs in formats that have names of their own."""

_TELLING = ("query", "positive", "negative", "session", "user")
"""Names that mean the same as part of a longer one."""

REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    "pair": ("query", "positive"),
    "traffic": ("text",),
    "served": (),
    "document": ("text",),
}
"""What a record of each kind must hold."""
READ = "|".join(
    (
        *sorted(
            {name for fields in _FIELDS.values() for names in fields.values() for name in names}
        ),
        *(_POSITIVES.pattern, *_OTHER_POSITIVES, _NEGATIVES.pattern, *_MATCHES),
        *(_POSITIVE_IDS.pattern, _NEGATIVE_IDS.pattern),
    )
)
"""Pattern of all names that are read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one file are read.

    Attributes
    ----------
    plain
        Whether each field has a column of its own name, so that a row is a record as it is.
    fields
        Field -> column.
    positives, negatives
        Columns that hold texts, or lists of them.
    positive_ids, negative_ids
        Columns that hold ids of documents; read where a record has no such text.
    matches
        Columns that say whether the positive answers the query at all.
    unread
        Column that is not read -> what to say about it.
    others
        Further columns, which the formats of logs read as they need.
    """

    plain: bool
    fields: Mapping[str, str]
    positives: tuple[str, ...]
    negatives: tuple[str, ...]
    matches: tuple[str, ...]
    unread: Mapping[str, str]
    others: tuple[str, ...] = ()
    positive_ids: tuple[str, ...] = ()
    negative_ids: tuple[str, ...] = ()

    @property
    def read(self) -> list[str]:
        """All columns that are read."""
        return [
            *self.fields.values(),
            *self.positives,
            *self.negatives,
            *self.matches,
            *self.others,
            *self.positive_ids,
            *self.negative_ids,
        ]


class Columns:
    """The columns of one file, and what was noticed about their names.

    Examples
    --------
    >>> columns = Columns("pair")
    >>> plan = columns.plan(("anchor", "positive", "negative_2", "negative_1", "scores", "note"))
    >>> plan.fields, plan.negatives
    ({'query': 'anchor'}, ('negative_1', 'negative_2'))
    >>> columns.remarks
    ("'scores' is not read (did you mean 'score'?)",)
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._unread: dict[str, str] = {}

    @property
    def remarks(self) -> tuple[str, ...]:
        """One sentence on all columns that come close to what is read, and are not."""
        if not self._unread:
            return ()
        told = [f"{shortened(name)} is not read{why}" for name, why in self._unread.items()]
        return ("; ".join(told[:5]) + ("; …" if len(told) > 5 else ""),)

    def plan(self, names: tuple[str, ...]) -> Plan:
        """Return how columns of these names are read."""
        found = self._plans.get(names)
        if found is None:
            if len(self._plans) > 1_000:
                self._plans.clear()
            found = self._plans[names] = plan_of(self.kind, names)
            self._unread.update(found.unread)
        return found

    def ignore(self, column: str, value: object) -> None:
        """Note that a column of labels holds other words."""
        self._unread.setdefault(column, f", as {shortened(value)} does not say what matches")

    def of_texts(self, names: Sequence[str]) -> list[str]:
        """Return the columns that must hold texts, or lists of them."""
        plan = self.plan(tuple(names))
        texts = [plan.fields[name] for name in REQUIRED[self.kind] if name in plan.fields]
        return [*texts, *plan.positives, *plan.negatives]

    def may_be_ids(self, names: Sequence[str]) -> list[str]:
        """Return the columns of texts that may hold the numbers of documents instead."""
        plan = self.plan(tuple(names))
        return [*plan.positives, *plan.negatives]

    def to_read(self, label: str, names: Sequence[str]) -> list[str]:
        """Return the columns to read; raises DataFault if one is missing or there twice."""
        plan = self.plan(tuple(names))
        for field in REQUIRED[self.kind]:
            has_positives = bool(plan.positives or plan.positive_ids)
            if field not in plan.fields and not (field == "positive" and has_positives):
                listed = ", ".join(shortened(name) for name in names[:20]) or "none"
                near = next((why for why in plan.unread.values() if f"'{field}'" in why), "")
                raise DataFault(
                    f"{label}: the column {field!r} is missing (there are: {listed}); "
                    f"it needs the columns {' and '.join(REQUIRED[self.kind])}{near}"
                )
        wanted = plan.read
        for name in wanted:
            if list(names).count(name) > 1:
                raise DataFault(f"{label}: duplicate column {name!r}; a column may appear once")
        return wanted


def plan_of(kind: Kind, names: Sequence[str]) -> Plan:
    """Return how columns of these names are read."""
    fields = {
        field: found
        for field, known in _FIELDS[kind].items()
        if (found := next((name for name in known if name in names), None))
    }
    if kind == "served":
        used = set(fields.values())
        others = tuple(name for name in names if name not in used)
        unread = {} if _FORMATS & set(names) else _unread(names, used, tuple(_FIELDS[kind]))
        return Plan(True, fields, (), (), (), unread, others)
    if kind == "traffic":
        used = set(fields.values())
        return Plan(True, fields, (), (), (), _unread(names, used, tuple(_FIELDS[kind])))
    if kind == "document":
        used = set(fields.values())
        plain = all(field == name for field, name in fields.items())
        return Plan(plain, fields, (), (), (), _unread(names, used, tuple(_FIELDS[kind])))
    unique = dict.fromkeys(names)
    positives = sorted(filter(_POSITIVES.fullmatch, unique), key=_in_order)
    positives = positives or [name for name in _OTHER_POSITIVES if name in unique][:1]
    negatives = sorted(filter(_NEGATIVES.fullmatch, unique), key=_in_order)
    matches = [name for name in _MATCHES if name in unique]
    positive_ids = sorted(filter(_POSITIVE_IDS.fullmatch, unique), key=_in_order)
    negative_ids = sorted(filter(_NEGATIVE_IDS.fullmatch, unique), key=_in_order)
    used = {*fields.values(), *positives, *negatives, *matches, *positive_ids, *negative_ids}
    plain = (
        fields.get("query", "query") == "query"
        and positives in ([], ["positive"])
        and negatives in ([], ["negative"])
        and not (matches or positive_ids or negative_ids)
    )
    texts = ("query", "positive", "negative")
    known = ("id", *texts, "source", "timestamp", "group", "label", "score")
    return Plan(
        plain,
        fields,
        tuple(positives),
        tuple(negatives),
        tuple(matches),
        _unread(names, used, known),
        positive_ids=tuple(positive_ids),
        negative_ids=tuple(negative_ids),
    )


def _in_order(name: str) -> tuple[int, str, int]:
    stem, _, number = name.rpartition("_")
    if not number.isdigit():
        stem, number = name, "-1"
    return len(stem), stem, int(number)


def _unread(names: Sequence[str], used: set[str], known: Sequence[str]) -> dict[str, str]:
    """Return what to say about each column that comes close to a known one and is not read."""
    found = {}
    for name in names:
        if name in used:
            continue
        if name in (*_FIELDS["pair"]["query"], *_OTHER_POSITIVES) and "positive" in known:
            found[name] = ", as another column holds the same"
            continue
        written = name.strip().lower()
        near = difflib.get_close_matches(written, known, n=1, cutoff=0.8)
        near = near or [each for each in _TELLING if each in known and each in written.split("_")]
        if near and not (written.endswith("_id") and near[0] not in ("session", "user")):
            found[name] = f" (did you mean {near[0]!r}?)"
    return found
