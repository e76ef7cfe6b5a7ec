"""The router of a canary: what is compared in its shadow counts for no other canary."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from pipeline.gate import Canary
from pipeline.service.hooks import Answered
from pipeline.service.route import CanaryRoute
from pipeline.store import Store, StoreUnusable

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SHADOW = Canary(share=0.5, shadow=True)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def begin(store, candidate):
    return store.begin_canary(candidate, 1, f"00{candidate:02}", asdict(SHADOW), NOW)


def compare(route, *keys):
    for key in keys:
        route.compare(key, Answered(["a", "b"], 0.1), Answered(["b"], 0.1))


def test_what_waits_of_a_canary_that_ended_is_not_counted_for_the_next(store):
    route = CanaryRoute(store, clock=lambda: NOW)
    first = begin(store, 2)
    assert route.candidate() == 2
    compare(route, "anna", "bert")
    store.end_canary(first.number, "ended", NOW, {})
    second = begin(store, 3)
    route._due = 0.0
    assert route.candidate() == 3
    compare(route, "carl")
    route._due = 0.0
    route.candidate()
    assert store.canary_keys(first.number) == []
    assert len(store.canary_keys(second.number)) == 2


def test_what_cannot_be_written_yet_waits(store, monkeypatch):
    route = CanaryRoute(store, clock=lambda: NOW)
    row = begin(store, 2)
    route.candidate()
    compare(route, "anna", "anna", "bert")

    def broken(*_):
        raise StoreUnusable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "add_shadowed", broken)
        route._due = 0.0
        assert route.candidate() == 2
    assert store.canary_keys(row.number) == []
    route._due = 0.0
    route.candidate()
    assert [each.candidate for each in store.canary_keys(row.number)] == [False, True] * 2
