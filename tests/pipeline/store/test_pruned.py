"""What was deleted to save space: written down first, and for good."""

import sqlite3
from datetime import UTC, datetime

import pytest

from pipeline.store import Pruned, Store, compact

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store():
    with Store.open("sqlite://") as store:
        yield store


def finish(store: Store, outcome: str = "quiet") -> str:
    row = store.begin_cycle(AT)
    store.record_stage(row.id, "window", {"seen": "x" * 1000})
    store.finish_cycle(row.id, outcome, {"outcome": outcome, "details": "x" * 1000}, AT)
    return row.id


def test_what_is_being_deleted_may_be_marked_again_and_what_is_deleted_stays(store):
    first = Pruned("version", "3", "too old", AT, {"run_id": "r"})
    store.mark_pruned(first)
    assert store.pruned("version") == {"3": first}
    store.mark_pruned(Pruned("version", "3", "older", AT))
    store.finish_pruned("version", "3")
    store.mark_pruned(first)
    (row,) = store.pruned("version").values()
    assert (row.reason, row.facts, row.done) == ("older", {}, True)
    assert row.told == "deleted on 2026-03-01: older"
    assert store.pruned("cycle") == {}


def test_details_of_a_finished_cycle_go_and_its_outcome_stays(store):
    cycle = finish(store)
    store.forget_details(cycle, {"outcome": "quiet"})
    assert store.stages(cycle) == {}
    row = store.cycle(cycle)
    assert row is not None
    assert (row.outcome, row.result) == ("quiet", {"outcome": "quiet"})


def test_nothing_of_an_unfinished_cycle_is_forgotten(store):
    row = store.begin_cycle(AT)
    store.record_stage(row.id, "window", {})
    store.forget_details(row.id, {"outcome": "quiet"})
    assert list(store.stages(row.id)) == ["window"]
    assert store.unfinished_cycle() == row


def test_finished_cycles_are_named_newest_first_also_beyond_four_digits(store):
    finish(store, "quiet")
    finish(store, "promoted")
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE counters SET value = 9999 WHERE name = 'cycle'")
    finish(store, "rejected")
    store.begin_cycle(AT)
    assert store.finished_cycles() == ["10000", "0002", "0001"]
    assert store.finished_cycles(("promoted", "rejected")) == ["10000", "0002"]


def test_a_file_shrinks_by_the_rows_that_are_gone(tmp_path):
    url, file = f"sqlite:///{tmp_path}/store.db", tmp_path / "store.db"
    with Store.open(url) as store:
        cycles = [finish(store) for _ in range(200)]
        assert compact(url) == 0
        for cycle in cycles:
            store.forget_details(cycle, {})
        before = file.stat().st_size
        freed = compact(url)
        assert freed > 100_000
        assert file.stat().st_size <= before
        assert compact(url) == 0
        assert len(store.finished_cycles()) == 200


def test_a_file_that_somebody_reads_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.store.compacting._PATIENCE", 0.1)
    url = f"sqlite:///{tmp_path}/store.db"
    with Store.open(url) as store:
        for cycle in [finish(store) for _ in range(200)]:
            store.forget_details(cycle, {})
        other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert compact(url) == 0
        other.close()
        assert compact(url) > 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///nowhere/at/all.db", "postgresql://x/y"])
def test_what_is_no_file_of_sqlite_is_left_alone(url):
    assert compact(url) == 0
