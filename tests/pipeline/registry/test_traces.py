"""Traces: each retrieval once, what people say of it whenever they say it, nothing twice."""

import time
from datetime import UTC, datetime, timedelta
from shutil import copyfile

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Document, SpanType

from pipeline.intake import Intake
from pipeline.registry import RegistryFault, Traces
from pipeline.store import Store
from training.unlabelled import ServedQuery, Shown

# MLflow warns of its own functions when it first imports them.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred")

CARD = "where is my card"
FOUND = [Document("the first", {"score": 0.75}, "d1"), Document("the second", {"doc_id": "d2"})]


@pytest.fixture
def uri(tmp_path, empty_tracking_store):
    copyfile(empty_tracking_store, tmp_path / "mlflow.db")
    # Where spans go is global in MLflow; only what writes them depends on it.
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(uri):
    return MlflowClient(uri)


@pytest.fixture
def experiment(client, tmp_path):
    return client.create_experiment("rag", artifact_location=(tmp_path / "files").as_uri())


@pytest.fixture
def trace(client, experiment):
    """Return a function that traces an answer, days ago, and returns its trace and retriever."""

    def traced(query=CARD, found=FOUND, *, days=0.0, steps=0, ended=True):
        began = int((time.time() - days * 86_400) * 1e9)
        root = client.start_trace(
            "answer", inputs={"question": query}, experiment_id=experiment, start_time_ns=began
        )
        names = {"trace_id": root.trace_id, "span_type": SpanType.RETRIEVER}
        inputs = {"query": query, "k": 2}
        span = client.start_span(
            "find", parent_id=root.span_id, inputs=inputs, start_time_ns=began, **names
        )
        for _ in range(steps):
            step = client.start_span("step", parent_id=span.span_id, inputs=inputs, **names)
            client.end_span(root.trace_id, step.span_id, outputs=found)
        client.end_span(root.trace_id, span.span_id, outputs=found)
        if ended:
            client.end_trace(root.trace_id, outputs="It is lost.")
        mlflow.flush_trace_async_logging()
        return root.trace_id, span.span_id

    return traced


@pytest.fixture
def rate(uri):
    def rated(trace, value, *, name="thumbs", kind="HUMAN", **about):
        source = AssessmentSource(source_type=kind, source_id="me")
        mlflow.log_feedback(trace_id=trace, name=name, value=value, source=source, **about)

    return rated


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def take(store, uri, tmp_path):
    def opened(name):
        return Traces.named(name, uri, absolute=str, feedback_days=30)

    def taken(name="mlflow:rag"):
        return Intake().read_all(store, {"log": [name]}, tmp_path, datetime.now(UTC), traces=opened)

    return taken


def test_a_retriever_span_becomes_a_line_once(store, trace, take):
    of, span = trace(steps=2)
    first, second = take(), take()
    (line,) = store.served()
    shown = (Shown("d1", "the first", 0.75), Shown("d2", "the second"))
    at, took = line.timestamp, line.seconds
    expected = ServedQuery(
        CARD, shown, answer="It is lost.", id=f"{of}/{span}", timestamp=at, seconds=took
    )
    assert line == expected and abs(at - time.time()) < 600 and 0 < took < 600
    assert (first.log.lines, first.log.texts, second.log.lines) == (1, 1, 0)
    assert (first.warnings, second.warnings) == ((), ())


def test_ratings_name_a_document_a_place_or_the_answer(store, trace, rate, take):
    whole, _ = trace("about the answer")
    named, _ = trace("about a document")
    placed, span = trace("about a place")
    rate(whole, True)
    rate(named, False, metadata={"document_id": "d2"})
    rate(placed, "no", name="retrieval_relevance", kind="LLM_JUDGE", span_id=span)
    chunk = {"chunk_index": 1}
    rate(placed, "yes", name="retrieval_relevance", kind="LLM_JUDGE", span_id=span, metadata=chunk)
    take()
    assert [line.feedback for line in store.served()] == [
        (("d1", 1),),
        (("d2", -1),),
        (("d1", -1), ("d2", 1)),
    ]


def test_measures_of_other_things_are_no_ratings(store, trace, rate, take):
    of, span = trace()
    rate(of, 0.1, name="latency", kind="CODE")
    rate(of, "yes", name="safety", kind="LLM_JUDGE")
    rate(of, 0.5, name="retrieval_relevance/precision", kind="LLM_JUDGE", span_id=span)
    take()
    assert store.served()[0].feedback == ()


def test_feedback_that_comes_later_amends_the_line(store, trace, rate, take):
    of, _ = trace(days=20)
    trace("another", days=0)
    take()
    rate(of, True)
    found = take()
    assert (found.log.events, found.log.amended, found.log.stored) == (1, 1, 0)
    assert [line.feedback for line in store.served() if line.query == CARD] == [(("d1", 1),)]
    assert take().log.amended == 0


def test_a_rating_of_what_was_not_shown_is_named_once(store, trace, rate, take):
    of, _ = trace()
    take()
    rate(of, True, metadata={"document_id": "d9"})
    counts = [take().log.not_shown for _ in range(3)]
    assert counts == [1, 0, 0] and len(store.quarantine()) == 1


def test_people_who_disagree_are_counted_and_give_no_rating(store, trace, rate, take):
    of, _ = trace()
    rate(of, True)
    rate(of, False)
    assert take().log.contradictions == 1
    assert store.served()[0].feedback == ()


def test_a_trace_that_goes_on_is_read_when_it_ends(store, client, trace, take):
    of, _ = trace(ended=False)
    trace("another")
    take()
    assert [line.query for line in store.served()] == ["another"]
    client.end_trace(of)
    mlflow.flush_trace_async_logging()
    take()
    assert sorted(line.query for line in store.served()) == ["another", CARD]


def test_a_bad_span_is_quarantined_and_the_others_are_read(store, trace, take):
    trace(query=" ")
    trace()
    take()
    assert [line.query for line in store.served()] == [CARD]
    (fault,) = store.quarantine()
    assert "span tr-" in fault.reason and "query is blank" in fault.reason


@pytest.mark.parametrize(
    "name, told",
    [
        ("mlflow:nothing", "has no experiment 'nothing'"),
        ("mlflow:rag@http://127.0.0.1:9", "MLflow at http://127.0.0.1:9 does not answer"),
        (
            "mlflow:rag@postgresql://me:secret@127.0.0.1:9/x",
            "MLflow at postgresql://…@127.0.0.1:9/x",
        ),
        ("mlflow:rag@sqlite:////nowhere/mlflow.db", "there is no file /nowhere/mlflow.db"),
    ],
)
def test_traces_out_of_reach_are_told_within_seconds_and_stop_nothing(take, name, told):
    started = time.monotonic()
    (warning,) = take(name).warnings
    assert told in warning and "secret" not in warning
    assert warning.startswith("mlflow:") and time.monotonic() - started < 20


def test_the_names_of_traces_may_hold_a_uri():
    def named(name):
        found = Traces.named(name, "sqlite:///own.db", absolute=str.upper, feedback_days=1)
        return found.experiment, found.place

    assert named("mlflow:rag") == ("rag", "sqlite:///own.db")
    assert named("mlflow:/Users/me@here/rag") == ("/Users/me@here/rag", "sqlite:///own.db")
    assert named("mlflow:a@https://u:p@host:1") == ("a", "HTTPS://…@HOST:1")
    with pytest.raises(RegistryFault, match="must be mlflow:EXPERIMENT"):
        named("mlflow:")


def test_a_mark_of_another_experiment_reads_from_the_beginning(uri, trace):
    of, _ = trace(days=3)
    traces = Traces("rag", uri, label="rag", feedback_days=1)
    now = datetime.now(UTC) + timedelta(minutes=1)
    *_, last = traces.pages("", now)
    later = traces.pages(f"{last.mark.split()[0]} {int(now.timestamp() * 1000)} 0", now)
    assert [each for page in later for each in page.retrievals] == []
    again = [each.id for page in traces.pages("9 9 9", now) for each in page.retrievals]
    assert len(again) == 1 and again[0].startswith(of)
