"""Served queries in the store: each line once, and its query among the traffic."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.store import Added, FileProgress, Record, Selection, Store, Traffic
from training.unlabelled import ServedQuery, Shown

LINE = ServedQuery(
    "où est ma carte 😀",
    (Shown("7", "", 0.5), Shown("", "a text", None)),
    ("7",),
    (("7", 1), ("a text", -1)),
    "it is lost",
    "q1",
    "web",
    "s",
    "u",
    5.0,
    version=3,
    seconds=0.25,
)
FILE = FileProgress("log.jsonl")


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'state' / 'store.db'}") as opened:
        yield opened


def take(store, *lines) -> Added:
    return store.add(
        "served", "recent", [Record(each, at) for at, each in enumerate(lines, 1)], (), FILE
    )


def test_a_line_is_stored_and_its_query_is_traffic(store):
    assert take(store, LINE) == Added(stored=1)
    assert store.served() == [LINE]
    assert store.traffic("recent") == [Traffic(LINE.query, "q1", "web", 5.0, "s", "u")]


def test_each_line_counts_once(store):
    plain = ServedQuery("lost card")
    assert take(store, LINE, plain, plain) == Added(stored=3)
    assert take(store, LINE, plain, plain) == Added(known=3)
    assert (store.count_served(), store.count_traffic()) == (3, 3)
    counts = store.counts()
    assert (counts.served, counts.traffic, counts.stored) == ({"recent": 3}, {"recent": 3}, 3)


def test_lines_behind_a_cut_are_those_that_arrived_after_it(store):
    store.add("traffic", "reference", [Record(Traffic("quiet"))])
    first = store.last_sequence()
    take(store, LINE)
    cut = store.last_sequence()
    take(store, replace(LINE, id="q2"))
    assert [each.id for each in store.served(after=cut)] == ["q2"]
    assert [each.id for each in store.served(until=cut)] == ["q1"]
    assert store.sequence_before("recent") == first
    assert store.count_served(after=store.sequence_before("recent")) == 2


def test_later_feedback_joins_its_line_and_the_last_rating_counts(store):
    take(store, LINE, replace(LINE, query="another", id="q2"))
    assert store.amend_served("q1", clicked=["9", "7"], feedback={"7": -1, "9": 1})
    changed, other = store.served()
    assert changed.clicked == ("7", "9")
    assert changed.feedback == (("7", -1), ("a text", -1), ("9", 1))
    assert (other.id, other.clicked) == ("q2", ("7",))


def test_feedback_that_is_known_or_names_no_line_changes_nothing(store):
    take(store, LINE, ServedQuery("no id"))
    assert not store.amend_served("q1", clicked=["7"], feedback=[("7", 1)])
    assert not store.amend_served("nothing", clicked=["7"])
    assert not store.amend_served("", clicked=["7"])
    assert store.served() == [LINE, ServedQuery("no id")]


@pytest.mark.parametrize(("kind", "name"), [("source", "web"), ("file", "log.jsonl")])
def test_excluded_lines_are_gone_from_the_log_and_from_the_traffic(store, kind, name):
    take(store, LINE)
    now = datetime(2024, 5, 1, tzinfo=UTC)
    done = store.discard(Selection(kind, name), "a bot", "me", now)
    assert (done.served, done.traffic) == (1, 1)
    assert (store.served(), store.traffic()) == ([], [])
    store.undo_discard(Selection(kind, name), "a person", "me", now)
    assert (store.served(), store.count_traffic()) == ([LINE], 1)


def test_an_exception_while_arriving_leaves_neither_line_nor_text(store):
    with pytest.raises(RuntimeError), store.arriving("served", "recent", "a") as arrivals:
        arrivals.add([Record(LINE, 1)])
        raise RuntimeError
    assert (store.count_served(), store.count_traffic()) == (0, 0)


def test_the_newest_lines_can_be_read_alone_in_their_order(store):
    lines = [replace(LINE, id=f"q{number}") for number in range(5)]
    take(store, *lines)
    assert store.served(latest=2) == lines[3:]
    assert store.served(until=3, latest=10) == store.served(until=3)
