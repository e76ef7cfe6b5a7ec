"""A running service divides its users, and stops by itself when they are harmed."""

from datetime import UTC, datetime

import httpx
import pytest
from serving import serving, wait_for, wait_until_ready

from pipeline import Workspace
from pipeline.gate import Canary
from pipeline.service import route
from pipeline.store import Record, Store
from pipeline.workspace import load_settings
from training.unlabelled import ServedQuery, Shown


def versions_of(client, users):
    """Return user -> the version in the header of an answer."""
    found = {}
    for user in users:
        answer = client.post("/search", json={"query": "where is my card", "user": user})
        assert answer.status_code == 200, answer.text
        found[user] = int(answer.headers["x-anchorhold-version"])
    return found


@pytest.mark.slow
def test_users_keep_their_version_until_harm_ends_the_canary_in_the_running_service(
    indexed, monkeypatch
):
    monkeypatch.setattr(route, "_CHECK_SECONDS", 0.0)
    users = [f"user {number}" for number in range(30)]
    with Store.open(load_settings(indexed).store_url) as store:
        with serving(indexed) as url, httpx.Client(base_url=url) as client:
            wait_until_ready(url, 2)
            assert set(versions_of(client, users).values()) == {2}
            canary = {"share": 0.5, "max_seconds": 1.0}
            Canary(**canary)
            now = datetime.now(UTC)
            row = store.begin_canary(1, 2, "0002", canary, now)
            divided = {user: 1 if route.falls_to(row, user) else 2 for user in users}
            assert set(divided.values()) == {1, 2}
            # Until the candidate is loaded, the champion answers everybody.
            wait_for(lambda: versions_of(client, users) == divided)
            assert versions_of(client, users) == divided
            harmed = [
                ServedQuery(
                    "q",
                    () if candidate else (Shown("a"),),
                    user=f"other {number}",
                    timestamp=now.timestamp(),
                    version=1 if candidate else 2,
                )
                for number in range(200)
                for candidate in (route.falls_to(row, f"other {number}"),)
            ]
            store.add("served", "recent", [Record(each) for each in harmed])
            wait_for(lambda: store.canaries()[0].harm)
            wait_for(lambda: set(versions_of(client, users).values()) == {2})
        assert store.canaries()[0].state == "running"  # The next run ends it.


def test_what_the_service_answers_and_its_users_click_is_what_the_canary_compares(indexed):
    settings = indexed / "anchorhold.toml"
    settings.write_text(settings.read_text() + "\n[log]\nflush_seconds = 0.05\n")
    users = [f"ann.{number}@example.org" for number in range(40)]
    with Store.open(load_settings(indexed).store_url) as store:
        with serving(indexed) as url, httpx.Client(base_url=url) as client:
            wait_until_ready(url, 2)
            row = store.begin_canary(
                1, 2, "0002", {"share": 0.5, "settle_minutes": 0.0}, datetime.now(UTC)
            )
            beginner = next(
                f"first {number}" for number in range(99) if route.falls_to(row, f"first {number}")
            )
            wait_for(lambda: versions_of(client, [beginner]) == {beginner: 1})
            for user in users:
                asked = {"query": "where is my card", "user": user}
                found = client.post("/search", json=asked).json()
                clicked = {"query_id": found["query_id"], "clicked": [found["results"][0]["id"]]}
                assert client.post("/feedback", json=clicked).status_code == 202
            asked = {"input": "only its vector", "model": "tiny-search", "user": "other"}
            client.post("/v1/embeddings", json={**asked, "input_type": "query"})
        with Workspace.open(indexed) as workspace:
            canary = workspace.status().canary
        lines = [line for line in store.served() if line.clicked]
    candidates = sum(route.falls_to(row, user) for user in users)
    assert (canary.candidate_keys, canary.metrics[0].keys) == (candidates, len(users))
    assert {(each.name, each.champion, each.candidate) for each in canary.metrics} == {
        ("success", 1.0, 1.0),
        ("empty", 0.0, 0.0),
    }
    # Names that were made unreadable still tell users apart.
    assert len({line.user for line in lines}) == len(users)
    assert not any("@" in line.user for line in lines)
