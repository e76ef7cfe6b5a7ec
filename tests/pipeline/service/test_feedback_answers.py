"""What the service answers to feedback, before it has any model."""

import pytest
from starlette.testclient import TestClient

from pipeline.service.app import make_app
from pipeline.service.batcher import Batcher
from pipeline.service.hooks import ChampionOnly
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Pairs
from pipeline.service.query_log import QueryLog
from pipeline.service.service import Service
from pipeline.store import Store
from pipeline.workspace import LogSettings, Serve
from training.unlabelled import Shown

ID = "a" * 32


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        yield opened


@pytest.fixture
def answering(tmp_path, store):
    """Give a client of a service with a log of certain settings, in which one query waits."""
    logs = []

    def made(**settings):
        table = LogSettings(flush_seconds=3600.0, **settings)
        log = QueryLog(Store.open(f"sqlite:///{tmp_path / 'store.db'}"), table)
        logs.append(log)
        metrics, pairs = Metrics(), Pairs()
        metrics.include(log.counts)
        service = Service(
            name="search",
            release="1.0",
            limits=Serve(),
            dimensions=(),
            pairs=pairs,
            batcher=Batcher(metrics, batch_tokens=64, waiting_tokens=64, wait_seconds=0.0),
            metrics=metrics,
            recorder=log,
            route=ChampionOnly(),
            documents=store.documents_named,
        )
        log.record(
            query="where is my card",
            results=[Shown("d1"), Shown("d2")],
            version=2,
            seconds=0.1,
            session="",
            user="",
            query_id=ID,
        )
        return log, TestClient(make_app(service), base_url="http://localhost")

    yield made
    for each in logs:
        each.close()


def test_feedback_is_taken_and_is_in_the_store_with_the_next_batch(store, answering):
    log, client = answering()
    done = {"query_id": ID, "clicked": ["d2"], "feedback": {"d1": -1}}
    taken = client.post("/feedback", json={**done, "answer": "Write to help@example.org."})
    assert (taken.status_code, taken.json()) == (202, {"query_id": ID, "taken": "taken"})
    assert client.post("/feedback", json=done).status_code == 202
    log.flush(30)
    (line,) = store.served()
    assert (line.clicked, line.feedback) == (("d2",), (("d1", -1),))
    assert line.answer == "Write to [e-mail]."
    assert "anchorhold_log_written_total 1" in client.get("/metrics").text


def test_feedback_on_what_is_unknown_or_was_not_shown_says_so(answering):
    _, client = answering()
    unknown = client.post("/feedback", json={"query_id": "b" * 32})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "unknown_query")
    other = client.post("/feedback", json={"query_id": ID, "clicked": ["d9"]})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "not_shown")


def test_feedback_on_what_sampling_left_out_is_answered_as_such(answering):
    _, client = answering(share=0.0)
    taken = client.post("/feedback", json={"query_id": ID, "clicked": ["d1"]})
    assert (taken.status_code, taken.json()["taken"]) == (202, "not sampled")


def test_feedback_that_a_full_queue_cannot_take_is_to_be_sent_again(answering):
    _, client = answering(queue_lines=1)
    full = client.post("/feedback", json={"query_id": ID, "clicked": ["d1"]})
    assert (full.status_code, full.json()["error"]["code"]) == (503, "log_full")
    assert full.headers["retry-after"] == "1"
