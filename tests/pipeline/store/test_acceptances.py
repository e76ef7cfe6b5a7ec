"""The log of acceptances: each is kept, and the last one can be taken back."""

from datetime import UTC, datetime

import pytest

from pipeline.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_the_last_acceptance_says_up_to_where_texts_are_known(store):
    assert store.accepted_until() == 0
    store.accept(10, "0002", "a new product", "ann", NOW)
    store.accept(30, "0004", "another one", "bob", NOW)
    assert store.accepted_until() == 30
    first = store.acceptances()[0]
    assert (first.number, first.until, first.cycle, first.who) == (1, 10, "0002", "ann")
    assert first.at == NOW


def test_an_undo_takes_back_the_last_one_that_is_in_force(store):
    store.accept(10, "0002", "a new product", "ann", NOW)
    store.accept(30, "0004", "another one", "bob", NOW)
    undone = store.undo_acceptance("not fine", "ann", NOW)
    assert (undone.action, undone.until, undone.cycle) == ("undo", 30, "0004")
    assert store.accepted_until() == 10
    store.undo_acceptance("nor this", "ann", NOW)
    assert store.accepted_until() == 0
    assert [each.action for each in store.acceptances()] == ["accept", "accept", "undo", "undo"]


def test_without_an_acceptance_nothing_is_taken_back(store):
    assert store.undo_acceptance("why", "ann", NOW) is None
    assert store.acceptances() == []
