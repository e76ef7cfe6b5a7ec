"""What retrievers of traced applications found, and how people rated it, from MLflow's traces."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from pipeline.machine import why_unreachable
from pipeline.registry.environment import private_import
from pipeline.registry.places import sqlite_file
from pipeline.registry.runs import RegistryFault, clear_faults
from pipeline.registry.said import without_password

if TYPE_CHECKING:
    from mlflow.entities import Assessment, Span, Trace
    from mlflow.tracking import MlflowClient

_TRACES_AT_ONCE = 100
_INFOS_AT_ONCE = 500
_NAMED_AT_ONCE = 50
_RETRIEVER = "span.type = 'RETRIEVER'"
_LATE_EXPORT = 3_600_000
"""Milliseconds by which a trace may be exported later than one that began after it."""
_STILL_RUNNING = 86_400_000
"""Milliseconds for which a trace without an end is waited for."""
_CLOCKS = 60_000
"""Milliseconds by which clocks of applications may be behind."""
_PER_DAY = 86_400_000
_NAME = re.compile(r"mlflow:(?P<experiment>.+?)(?:@(?P<uri>[a-z][a-z0-9+.]*:/[^@]*(?:@.*)?))?")


@dataclass(frozen=True)
class Rating:
    """One assessment of a trace or span.

    Attributes
    ----------
    name, value
        As they were logged.
    by_person
        Whether a person gave it.
    span
        Id of the span that it is on; "" for the whole trace.
    metadata
        What was logged with it.
    """

    name: str
    value: object
    by_person: bool
    span: str
    metadata: Mapping[str, object]


@dataclass(frozen=True)
class Retrieval:
    """One retriever span: what was asked and found, and what came of it.

    Attributes
    ----------
    id
        Trace and span.
    asked, found
        Inputs and outputs of the span.
    answer
        Outputs of the trace, where they are not those of the span.
    session, user
        As the trace names them; "" where it does not.
    began
        Seconds since the epoch.
    seconds
        How long the span took; None while it is not known.
    ratings
        Of the span, and of the trace where it is the only retriever in it.
    rated_again, perhaps
        Whether its trace was rated after all that were read before; and whether it may have been,
        by an application whose clock is behind.
    """

    id: str
    asked: object
    found: object
    answer: object
    session: str
    user: str
    began: float
    seconds: float | None
    ratings: tuple[Rating, ...]
    rated_again: bool
    perhaps: bool


@dataclass(frozen=True)
class TracePage:
    """Some retrievals, and the mark from which to read on when they are kept."""

    retrievals: tuple[Retrieval, ...]
    mark: str


class Traces:
    """The retriever spans in the traces of an experiment.

    Parameters
    ----------
    experiment
        Its name.
    uri
        An MLflow tracking URI.
    label
        Its name in the store and in messages.
    feedback_days
        How old a trace may be when it is rated, in days.
    """

    def __init__(self, experiment: str, uri: str, *, label: str, feedback_days: float) -> None:
        self.experiment, self.label = experiment, label
        self._uri, self._feedback_days = uri, feedback_days

    @classmethod
    def named(
        cls, name: str, uri: str, *, absolute: Callable[[str], str], feedback_days: float
    ) -> Self:
        """Return what a name of the settings names.

        Parameters
        ----------
        name
            ``mlflow:EXPERIMENT`` or ``mlflow:EXPERIMENT@URI``.
        uri
            The tracking URI of names without one.
        absolute
            Makes a URI absolute that names a file in the workspace.
        feedback_days
            How old a trace may be when it is rated, in days.

        Raises
        ------
        RegistryFault
            It names no experiment.

        Examples
        --------
        >>> found = Traces.named("mlflow:/Users/me@here/rag@http://me:secret@host", "sqlite:///a",
        ...                      absolute=str, feedback_days=30)
        >>> found.experiment, found.place
        ('/Users/me@here/rag', 'http://…@host')
        """
        match = _NAME.fullmatch(name)
        if not match:
            raise RegistryFault(
                f"data.log has {name!r}; it must be mlflow:EXPERIMENT, or with @URI"
            )
        own = match["uri"]
        return cls(
            match["experiment"],
            absolute(own) if own else uri,
            label=without_password(name),
            feedback_days=feedback_days,
        )

    @property
    def place(self) -> str:
        """Where they are, without a password."""
        return without_password(self._uri)

    def pages(self, mark: str, now: datetime) -> Iterator[TracePage]:
        """Yield what is new after a mark, and what was rated since; the oldest first.

        Traces near the mark, and rated ones, are yielded again.

        Parameters
        ----------
        mark
            That of the last page that was kept; "" for the first time.
        now
            The present.

        Raises
        ------
        RegistryFault
            MLflow cannot be reached, or has no such experiment.
        """
        client, experiment = self._opened()
        begun, rated = _read_mark(mark, experiment)
        since = max(0, begun - _LATE_EXPORT)
        newest_rating, waits = rated, 0
        for traces in self._search(client, experiment, f"timestamp_ms >= {since}"):
            ended = [trace for trace in traces if not _is_running(trace)]
            moments = [int(trace.info.request_time) for trace in traces]
            running = [
                int(trace.info.request_time)
                for trace in traces
                if _is_running(trace)
                and trace.info.request_time > now.timestamp() * 1000 - _STILL_RUNNING
            ]
            waits = min([*running, *([waits] if waits else [])], default=0)
            begun = max(begun, *moments)
            newest_rating = max([newest_rating, *(_rated_at(trace) for trace in ended)])
            # What was rated is read again below, so only the last page may move that mark.
            yield _page(ended, experiment, min(begun, waits or begun), rated)
        marked = min(begun, waits or begun)
        oldest = int(now.timestamp() * 1000 - self._feedback_days * _PER_DAY)
        if since > oldest:
            span = f"timestamp_ms >= {oldest} AND timestamp_ms < {since}"
            for late in self._rated_since(client, experiment, span, rated - _CLOCKS):
                newest_rating = max([newest_rating, *(_rated_at(trace) for trace in late)])
                yield _page(late, experiment, marked, rated)
        yield _page((), experiment, marked, newest_rating)

    def _opened(self) -> "tuple[MlflowClient, str]":
        with private_import():
            import mlflow.tracking  # noqa: F401
        if silence := why_unreachable(self._uri):
            raise RegistryFault(f"MLflow at {self.place} does not answer ({silence})")
        file = sqlite_file(self._uri)
        if file is not None and not file.exists():
            raise RegistryFault(f"there is no file {file}")
        with clear_faults(f"read traces from {self.place}"):
            from mlflow.tracking import MlflowClient

            client = MlflowClient(tracking_uri=self._uri)
            found = client.get_experiment_by_name(self.experiment)
        if found is None:
            raise RegistryFault(f"{self.place} has no experiment {self.experiment!r}")
        return client, str(found.experiment_id)

    def _rated_since(
        self, client: "MlflowClient", experiment: str, span: str, moment: int
    ) -> "Iterator[list[Trace]]":
        """Yield traces with ratings later than a moment; spans are fetched for these only."""
        for infos in self._search(client, experiment, span, spans=False):
            names = [each.info.trace_id for each in infos if _rated_at(each) > moment]
            for start in range(0, len(names), _NAMED_AT_ONCE):
                some = ", ".join(f"'{name}'" for name in names[start : start + _NAMED_AT_ONCE])
                for traces in self._search(client, experiment, f"trace.request_id IN ({some})"):
                    yield [trace for trace in traces if not _is_running(trace)]

    def _search(
        self, client: "MlflowClient", experiment: str, condition: str, *, spans: bool = True
    ) -> "Iterator[Sequence[Trace]]":
        token = None
        while True:
            with clear_faults(f"read traces from {self.place}"):
                traces = client.search_traces(
                    locations=[experiment],
                    filter_string=f"{_RETRIEVER} AND {condition}",
                    order_by=["timestamp_ms ASC"],
                    max_results=_TRACES_AT_ONCE if spans else _INFOS_AT_ONCE,
                    page_token=token,
                    include_spans=spans,
                )
            if traces:
                yield traces
            token = traces.token
            if not token:
                return


def _page(traces: "Sequence[Trace]", experiment: str, begun: int, rated: int) -> TracePage:
    found = tuple(each for trace in traces for each in _retrievals(trace, rated))
    return TracePage(found, f"{experiment} {begun} {rated}")


def _read_mark(mark: str, experiment: str) -> tuple[int, int]:
    """Return when the newest trace began and was rated; zeros for a mark of other traces."""
    of, *moments = mark.split()[:3] if mark else ("",)
    return (int(moments[0]), int(moments[1])) if of == experiment else (0, 0)


def _is_running(trace: "Trace") -> bool:
    return str(getattr(trace.info.state, "value", trace.info.state)) == "IN_PROGRESS"


def _rated_at(trace: "Trace") -> int:
    """Return when a trace was rated last, in milliseconds; 0 for never."""
    moments = (each.last_update_time_ms or 0 for each in trace.info.assessments)
    return max(moments, default=0)


def _retrievals(trace: "Trace", rated: int) -> Iterator[Retrieval]:
    spans: dict[str, Span] = {span.span_id: span for span in trace.data.spans}
    retrievers = [span for span in spans.values() if _is_retriever(span)]
    # A retriever within another one is a step of it.
    whole = [span for span in retrievers if not _has_retriever_above(span, spans)]
    ratings = [rating for each in trace.info.assessments if (rating := _rating(each))]
    metadata = trace.info.trace_metadata or {}
    root = next((span for span in spans.values() if span.parent_id is None), None)
    retriever_ids = {span.span_id for span in retrievers}
    for span in whole:
        of_span = [
            rating
            for rating in ratings
            if rating.span == span.span_id or (len(whole) == 1 and rating.span not in retriever_ids)
        ]
        yield Retrieval(
            id=f"{trace.info.trace_id}/{span.span_id}",
            asked=span.inputs,
            found=span.outputs,
            answer=None if root is None or root is span else root.outputs,
            session=str(metadata.get("mlflow.trace.session") or ""),
            user=str(metadata.get("mlflow.trace.user") or ""),
            began=span.start_time_ns / 1e9,
            seconds=_seconds_between(span.start_time_ns, span.end_time_ns),
            ratings=tuple(of_span),
            rated_again=_rated_at(trace) > rated,
            perhaps=_rated_at(trace) > max(0, rated - _CLOCKS),
        )


def _seconds_between(began: int, ended: int | None) -> float | None:
    """Return how long a span took; None where it has no end, or one before its beginning."""
    return (ended - began) / 1e9 if ended and ended >= began else None


def _is_retriever(span: "Span") -> bool:
    return str(span.span_type) == "RETRIEVER"


def _has_retriever_above(span: "Span", spans: "Mapping[str, Span]") -> bool:
    above = spans.get(span.parent_id or "")
    for _ in range(len(spans)):
        if above is None or _is_retriever(above):
            break
        above = spans.get(above.parent_id or "")
    return above is not None and _is_retriever(above)


def _rating(assessment: "Assessment") -> Rating | None:
    """Return feedback in force; None for expectations, faults and what was overridden."""
    feedback: Any = assessment.feedback
    if feedback is None or feedback.error is not None or assessment.valid is False:
        return None
    return Rating(
        name=assessment.name,
        value=feedback.value,
        by_person=str(assessment.source.source_type) == "HUMAN",
        span=assessment.span_id or "",
        metadata=dict(assessment.metadata or {}),
    )
