"""Retriever spans of traced applications as lines of a log, and assessments as their feedback."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.from_logs import LogFile, Read
from pipeline.intake.log_values import name_of, number_of, rating_of
from pipeline.intake.openinference import query_within
from pipeline.intake.record_rules import RecordRules
from pipeline.intake.redacted import Redacted
from pipeline.intake.served_lines import Done, Line, Pick, join, read_line
from pipeline.store import Added, Arrivals, Store
from training.faults import AnchorholdError

PREFIX = "mlflow:"
"""Begins what names traces instead of files in `data.log`."""

_RATINGS = re.compile(
    r"feedback|thumb|rating|\bvote|(dis)?like|helpful|useful|relevan|satisf|star", re.IGNORECASE
)
_STARS = re.compile(r"rating|star", re.IGNORECASE)
_AVERAGE = "/precision"
_IDS = ("document_id", "doc_id", "id", "chunk_id", "doc_uri")
_ANSWERS = ("answer", "response", "output", "content", "text", "result")


class Rating(Protocol):
    """One assessment, as `pipeline.registry.traces.Rating`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def value(self) -> object: ...  # noqa: D102
    @property
    def by_person(self) -> bool: ...  # noqa: D102
    @property
    def metadata(self) -> Mapping[str, object]: ...  # noqa: D102


class Retrieval(Protocol):
    """One retriever span, as `pipeline.registry.traces.Retrieval`."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def asked(self) -> object: ...  # noqa: D102
    @property
    def found(self) -> object: ...  # noqa: D102
    @property
    def answer(self) -> object: ...  # noqa: D102
    @property
    def session(self) -> str: ...  # noqa: D102
    @property
    def user(self) -> str: ...  # noqa: D102
    @property
    def began(self) -> float: ...  # noqa: D102
    @property
    def seconds(self) -> float | None: ...  # noqa: D102
    @property
    def ratings(self) -> Sequence[Rating]: ...  # noqa: D102
    @property
    def rated_again(self) -> bool: ...  # noqa: D102
    @property
    def perhaps(self) -> bool: ...  # noqa: D102


class TracePage(Protocol):
    """Some retrievals and the mark after them, as `pipeline.registry.traces.TracePage`."""

    @property
    def retrievals(self) -> Sequence[Retrieval]: ...  # noqa: D102
    @property
    def mark(self) -> str: ...  # noqa: D102


class TraceSource(Protocol):
    """The traces of one experiment, as `pipeline.registry.traces.Traces`."""

    @property
    def label(self) -> str:
        """Its name in the store and in messages."""

    def pages(self, mark: str, now: datetime) -> Iterator[TracePage]:
        """Yield what is new after a mark, and what was rated since."""


OpenTraces = Callable[[str], TraceSource]
"""Turns `mlflow:<experiment>` or `mlflow:<experiment>@<uri>` into its traces."""


def read_retrievals(
    retrievals: Iterable[Retrieval], rules: RecordRules, arrivals: Arrivals, first: int
) -> Iterator[Read]:
    """Yield retrievals as lines; one that is stored already only brings its ratings."""
    retrievals = list(retrievals)
    known = arrivals.served_named([each.id for each in retrievals])
    for number, each in enumerate(retrievals, first):
        before = known.get(each.id)
        if before and not each.perhaps:
            continue
        try:
            line = _line(each, rules)
        except BadRecord as bad:
            yield Read(number, BadRecord(f"span {each.id}: {bad}"))
            continue
        if before:
            joined = join(line.done, before.shown)
            told = (joined.not_shown or joined.contradicting) and each.rated_again
            if joined.feedback == before.feedback and not told:
                continue
            line = Line(None, each.id, line.done._replace(clicked=(), whole=True), line.remarks)
        yield Read(number, line)


def _line(retrieval: Retrieval, rules: RecordRules) -> Line:
    line = read_line(
        {
            "query": query_within(retrieval.asked),
            "id": retrieval.id,
            "results": retrieval.found,
            "answer": _answer(retrieval.answer),
            "session": retrieval.session,
            "user": retrieval.user,
            "timestamp": retrieval.began,
            "seconds": retrieval.seconds,
        },
        rules,
    )
    shown = line.query.shown if line.query else ()
    remarks = list(line.remarks)
    rated: list[tuple[Pick, int]] = []
    for rating in retrieval.ratings:
        try:
            rated += _rated(rating, has_results=bool(shown))
        except BadRecord as bad:
            remarks.append(f"span {retrieval.id}: feedback {shortened(rating.name)} is {bad}")
    done = Done(line.done.clicked, (*line.done.rated, *rated))
    return Line(line.query, line.id, done, tuple(remarks))


def _rated(rating: Rating, *, has_results: bool) -> list[tuple[Pick, int]]:
    """Return the results that an assessment rates; none where it says nothing about them."""
    if rating.name.endswith(_AVERAGE) or not (rating.by_person or _RATINGS.search(rating.name)):
        return []
    stars = bool(_STARS.search(rating.name))
    if isinstance(rating.value, Mapping):
        values = [(Pick(name_of(name)), each) for name, each in rating.value.items()]
    else:
        values = [(_rated_result(rating.metadata), rating.value)]
    found = [(pick, rating_of(each, stars=stars, zero=-1)) for pick, each in values]
    return [
        (pick, number)
        for pick, number in found
        if number is not None and (pick.name or has_results)
    ]


def _rated_result(metadata: Mapping[str, object]) -> Pick:
    """Return which result is meant: the one that is named, or the first.

    An answer rests on the first result more than on any other.
    """
    name = next((found for each in _IDS if (found := name_of(metadata.get(each)))), "")
    index = number_of(metadata.get("chunk_index"))
    place = number_of(metadata.get("position", metadata.get("rank")))
    if index is not None:
        place = index + 1
    return Pick(name) if name else Pick("", int(place or 1))


def _answer(value: object) -> str:
    """Return the answer in what an application put out; "" where no text can be told as it."""
    for _ in range(4):
        if isinstance(value, str):
            return value
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, Mapping):
            names = (*_ANSWERS, "message", "choices", "messages")
            value = next((value[name] for name in names if value.get(name)), None)
        else:
            break
    return ""


def take_traces(
    store: Store,
    source: TraceSource,
    log: LogFile,
    rules: RecordRules,
    now: datetime,
    read_by: Mapping[str, str | int],
    redacted: Redacted,
) -> tuple[Added, str]:
    """Read what is new in traces, page by page; each is kept together with its mark.

    Returns
    -------
    What became of the retrievals, and why reading stopped early; "" if it did not.
    """
    before = store.progress("served", "recent", source.label)
    pages = source.pages(before.stamp if before else "", now)
    total = Added()
    while True:
        try:
            page = next(pages, None)
        except AnchorholdError as fault:
            return total, str(fault)
        if page is None:
            return total, ""
        if before and not page.retrievals and page.mark == before.stamp:
            continue
        with store.arriving("served", "recent", source.label) as arrivals:
            arrivals.read_by = read_by
            read = arrivals.progress.lines
            log.take_retrievals(
                read_retrievals(page.retrievals, rules, arrivals, read + 1), arrivals, redacted
            )
            read += len(page.retrievals)
            arrivals.progress = replace(arrivals.progress, stamp=page.mark, lines=read)
        total += arrivals.total
