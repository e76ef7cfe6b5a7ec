"""The journal of cycles: one open at a time, each stage recorded once, none ever lost."""

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.store import Store

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'state' / 'store.db'}"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


def test_a_cycle_is_begun_continued_and_finished(store):
    begun = store.begin_cycle(NOON)
    assert begun.id == "0001"
    assert store.unfinished_cycle() == begun
    assert begun.result == {}
    assert store.stage("0001", "intake") is None
    store.record_stage("0001", "intake", {"stored": 3, "share": 0.5, "none": None})
    assert store.stage("0001", "intake") == {"stored": 3, "share": 0.5, "none": None}
    finished = store.finish_cycle("0001", "quiet", {"cycle": "0001"}, NOON + timedelta(hours=1))
    assert store.unfinished_cycle() is None
    assert store.cycles() == [finished]
    assert (finished.outcome, finished.result) == ("quiet", {"cycle": "0001"})
    assert finished.finished == NOON + timedelta(hours=1)


def test_a_second_cycle_waits_for_the_first(store):
    store.begin_cycle(NOON)
    with pytest.raises(ValueError, match="cycle 0001, started 2024-05-31T12:00:00"):
        store.begin_cycle(NOON)
    store.finish_cycle("0001", "quiet", {})
    assert store.begin_cycle(NOON).id == "0002"


def test_cycle_ids_grow_when_the_clock_goes_back(store):
    for number in range(12):
        store.begin_cycle(NOON - timedelta(days=number))
        store.finish_cycle(f"{number + 1:04d}", "quiet", {})
    assert [row.id for row in store.cycles(limit=3)] == ["0012", "0011", "0010"]


def test_the_newest_cycle_with_an_outcome_is_found_behind_any_number_of_others(store):
    for outcome in ("promoted", "rejected", *["quiet"] * 60):
        store.finish_cycle(store.begin_cycle(NOON).id, outcome, {})
    store.begin_cycle(NOON)
    found = store.cycles(limit=1, outcomes=("promoted", "rejected", "inconclusive"))
    assert [row.id for row in found] == ["0002"]
    assert store.cycles(outcomes=()) == []
    assert store.cycle("0001").outcome == "promoted"
    assert store.cycle("0099") is None


def test_cycles_beyond_the_four_digits_stay_in_order(url):
    Store.open(url).close()
    path = url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE counters SET value = 9998 WHERE name = 'cycle'")
    connection.close()
    with Store.open(url) as store:
        for _ in range(3):
            store.finish_cycle(store.begin_cycle(NOON).id, "quiet", {})
        assert [row.id for row in store.cycles()] == ["10001", "10000", "9999"]


def test_a_stage_is_recorded_once(store):
    cycle = store.begin_cycle(NOON).id
    store.record_stage(cycle, "train", {"loss": 0.5, "pair": (1, 2)})
    store.record_stage(cycle, "train", {"loss": 0.5, "pair": (1, 2)})
    with pytest.raises(ValueError, match="stage 'train' of cycle 0001 is recorded already"):
        store.record_stage(cycle, "train", {"loss": 0.4})


def test_a_finished_or_unknown_cycle_does_not_change(store):
    store.begin_cycle(NOON)
    with pytest.raises(ValueError, match="the outcome of cycle 0001 is empty"):
        store.finish_cycle("0001", "", {})
    store.finish_cycle("0001", "quiet", {})
    with pytest.raises(ValueError, match=r"cycle 0001 is finished \(quiet\)"):
        store.finish_cycle("0001", "promoted", {})
    with pytest.raises(ValueError, match=r"cycle 0001 is finished"):
        store.record_stage("0001", "train", {})
    with pytest.raises(ValueError, match="there is no cycle '0007'"):
        store.finish_cycle("0007", "quiet", {})


def test_moments_come_back_in_universal_time(store):
    store.begin_cycle(datetime(2024, 5, 31, 14, tzinfo=timezone(timedelta(hours=2))))
    assert store.unfinished_cycle().started == NOON
    store.finish_cycle("0001", "quiet", {}, finished=datetime(2024, 5, 31, 12))
    assert store.cycles()[0].finished == NOON
