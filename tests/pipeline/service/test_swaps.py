"""Promotions and rollbacks under load: no failed request, and never a mixed pair."""

import shutil
import threading
import time

import httpx
import numpy as np
import pytest
from conftest import NOW
from made_streams import write_lines
from serving import serving, wait_for, wait_until_ready

from pipeline import Workspace
from pipeline.workspace import open_workspace

TEXTS = [f"where is my {word}" for word in ("card", "money", "hotel", "train", "salt", "menu")]


class Client(threading.Thread):
    """Asks for vectors and searches until it is stopped; checks each answer by its own header."""

    def __init__(self, url, expected, stop):
        super().__init__()
        self.url, self.expected, self.stop = url, expected, stop
        self.answers, self.faults = {1: 0, 2: 0}, []

    def run(self):
        with httpx.Client(base_url=self.url, timeout=30) as http:
            turn = 0
            while not self.stop.is_set():
                turn += 1
                text = TEXTS[turn % len(TEXTS)]
                try:
                    self.ask(http, text, search=turn % 2)
                except Exception as fault:
                    self.faults.append(repr(fault))

    def ask(self, http, text, search):
        if search:
            answer = http.post("/search", json={"query": text, "k": 3})
        else:
            answer = http.post("/v1/embeddings", json={"input": text})
        assert answer.status_code == 200, answer.text
        version = int(answer.headers["x-anchorhold-version"])
        vector, hits = self.expected[version][text]
        if search:
            assert answer.json()["version"] == version
            found = {each["id"]: each["score"] for each in answer.json()["results"]}
            assert found == pytest.approx(hits, abs=1e-5)
        else:
            found = np.float32(answer.json()["data"][0]["embedding"])
            np.testing.assert_allclose(found, vector, atol=1e-5)
        self.answers[version] += 1


def expected_of(workspace):
    """Return version -> text -> its vector, and the documents that it finds with their scores."""
    found = {}
    for version in (1, 2):
        vectors = workspace.encoder(version).encode(TEXTS)
        hits = [workspace.search(text, as_of=version, k=3).found for text in TEXTS]
        found[version] = {
            text: (vector, {each.id: each.score for each in some})
            for text, vector, some in zip(TEXTS, vectors, hits, strict=True)
        }
    first, second = (np.stack([found[each][text][0] for text in TEXTS]) for each in (1, 2))
    assert np.abs(first - second).max(axis=1).min() > 1e-3  # or nothing could be told apart
    return found


def moved_under_load(space, moves, clients=8):
    """Move the champion this often under load; return the clients and the seconds of each move."""
    stop, seconds = threading.Event(), []
    with Workspace.open(space) as workspace, serving(space) as url:
        wait_until_ready(url, 2)
        expected = expected_of(workspace)
        threads = [Client(url, expected, stop) for _ in range(clients)]
        for each in threads:
            each.start()
        try:
            for move in range(moves):
                version = 1 if move % 2 == 0 else 2
                began = time.perf_counter()
                if version == 1:
                    workspace.rollback(reason="a test")
                else:
                    workspace.promote(2, reason="a test", force=True)
                wait_until_ready(url, version)
                seconds.append(time.perf_counter() - began)
                stop.wait(0.1)
        finally:
            stop.set()
            for each in threads:
                each.join(60)
    return threads, seconds


def check(threads):
    assert [each.faults for each in threads] == [[]] * len(threads)
    for version in (1, 2):
        assert sum(each.answers[version] for each in threads) > 0


def test_clients_notice_nothing_of_a_rollback_and_a_promotion(indexed):
    check(moved_under_load(indexed, moves=2, clients=2)[0])


@pytest.mark.slow
def test_eight_clients_through_twenty_moves(indexed):
    threads, seconds = moved_under_load(indexed, moves=20)
    check(threads)
    answers = {version: sum(each.answers[version] for each in threads) for version in (1, 2)}
    print(  # noqa: T201
        f"answers by version {answers}, 0 faults; moves took {np.round(sorted(seconds), 2)} s"
    )


def test_a_version_that_cannot_be_loaded_changes_nothing(indexed):
    with Workspace.open(indexed) as workspace, serving(indexed) as url:
        wait_until_ready(url, 2)
        shutil.rmtree(indexed / ".anchorhold" / "versions")
        for model in (indexed / ".anchorhold" / "artifacts").rglob("model.safetensors"):
            content = bytearray(model.read_bytes())
            content[-1] ^= 1
            model.write_bytes(content)
        # `rollback` would refuse; others may move the alias in MLflow.
        with open_workspace(workspace.settings, doing="test", now=NOW) as opened:
            opened.registry.client.set_registered_model_alias("tiny-search", "champion", "1")

        def failed_once():
            return "anchorhold_load_failures_total 1.0" in httpx.get(f"{url}/metrics").text

        wait_for(failed_once)
        # It is not tried in each of the polls that follow.
        time.sleep(0.5)
        assert failed_once()
        answer = httpx.post(f"{url}/search", json={"query": "my card"})
        assert answer.json()["version"] == 2
        assert answer.headers["x-anchorhold-version"] == "2"


@pytest.mark.slow
def test_an_index_brought_up_to_date_is_served_without_a_promotion(indexed):
    with Workspace.open(indexed) as workspace, serving(indexed) as url:
        wait_until_ready(url, 2)
        write_lines(
            indexed / "corpus" / "more.jsonl", [{"id": "new", "text": "an umbrella in the rain"}]
        )
        with open_workspace(workspace.settings, doing="test", now=NOW) as opened:
            opened.take_in(NOW)
        workspace.index_build(2)
        query = {"query": "an umbrella in the rain", "k": 1}

        def best():
            return httpx.post(f"{url}/search", json=query).json()["results"][0]["id"]

        wait_for(lambda: best() == "new")
