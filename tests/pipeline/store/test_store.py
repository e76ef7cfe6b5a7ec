"""The store: one sequence, each record once, cycles that are never lost, and safe creation."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from pipeline.store import database
from pipeline.store.database import StoreUnusable
from pipeline.store.store import Added, Fault, FileProgress, Record, Store, Traffic
from training.pairs.pair import Pair

ROOT = Path(__file__).parents[3]
NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'state' / 'store.db'}"


@pytest.fixture
def store(url):
    with Store.open(url) as opened:
        yield opened


def pair(number: int, **changes) -> Pair:
    return replace(Pair(f"id-{number}", f"query {number}", f"answer {number}"), **changes)


def records(*contents) -> list[Record]:
    return [Record(content, line) for line, content in enumerate(contents, start=1)]


def run(code: str, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


# Arrivals


def test_pairs_and_traffic_share_one_sequence(store):
    store.add("pair", "recent", records(pair(1)))
    cut = store.last_sequence()
    store.add("traffic", "recent", records(Traffic("a"), Traffic("b")))
    store.add("pair", "recent", records(pair(2), pair(3)))
    assert (cut, store.last_sequence()) == (1, 5)
    assert [each.id for each in store.pairs(after=cut)] == ["id-2", "id-3"]
    assert [each.id for each in store.pairs(until=cut)] == ["id-1"]
    assert [each.text for each in store.traffic(after=cut)] == ["a", "b"]
    assert store.count_pairs(after=cut) == 2
    assert store.count_traffic(until=2) == 1


def test_what_goes_in_comes_out_unchanged(store):
    whole = Pair("id", "où? 😀", "la  carte\n", "non", "bank", 1.7e9 + 0.25)
    text = Traffic("où? 😀 \t", "t", "bank", -5.5)
    store.add("pair", "history", records(whole))
    store.add("traffic", "reference", records(text))
    assert store.pairs() == [whole]
    assert store.traffic() == [text]


def test_roles_are_told_apart(store):
    store.add("pair", "history", records(pair(1)))
    store.add("pair", "recent", records(pair(2)))
    assert [each.id for each in store.pairs("history")] == ["id-1"]
    assert [each.id for each in store.pairs(role="recent")] == ["id-2"]
    assert store.count_pairs(role="recent") == 1
    with pytest.raises(ValueError, match="pair: history, recent"):
        store.add("pair", "reference", records(pair(3)))


def test_the_latest_texts_keep_their_order(store):
    store.add("traffic", "recent", records(*(Traffic(str(number)) for number in range(10))))
    assert [each.text for each in store.traffic(latest=3)] == ["7", "8", "9"]
    assert [each.text for each in store.traffic(latest=3, until=5)] == ["2", "3", "4"]


def test_a_pair_with_the_same_id_and_content_is_known(store):
    assert store.add("pair", "history", records(pair(1), pair(1))) == Added(stored=1, known=1)
    later = pair(1, source="elsewhere", timestamp=5.0)
    assert store.add("pair", "recent", records(later)) == Added(known=1)


def test_a_pair_with_the_same_id_and_other_content_is_set_aside_with_its_first_place(store):
    store.add("pair", "history", records(pair(1)), progress=FileProgress("old.jsonl"))
    other = pair(1, positive="something else")
    added = store.add("pair", "recent", [Record(other, 7)], progress=FileProgress("new.csv"))
    assert added == Added(quarantined=1)
    (fault,) = store.quarantine()
    assert str(fault).startswith("new.csv row 7: id 'id-1' already stands for another pair")
    assert "first seen in old.jsonl line 1)" in fault.reason
    assert store.pairs() == [pair(1)]


def test_pairs_without_id_are_told_apart_by_content(store):
    one, other = pair(1, id=""), pair(1, id="", positive="another right answer")
    assert store.add("pair", "recent", records(one, other, one)) == Added(stored=2, known=1)
    ids = [each.id for each in store.pairs()]
    assert len(set(ids)) == 2
    assert all(ids)


def test_texts_are_not_confused_across_their_borders(store):
    shifted = [Pair("", "ab", "c"), Pair("", "a", "bc"), Pair("", "a", "b", "c")]
    assert store.add("pair", "recent", records(*shifted)).stored == 3


def test_traffic_with_id_is_told_apart_by_id_text_and_time(store):
    seen = Traffic("a", "1", timestamp=1.0)
    variants = [seen, replace(seen, text="b"), replace(seen, timestamp=2.0), replace(seen, id="2")]
    added = store.add("traffic", "recent", records(*variants, seen))
    assert added == Added(stored=4, known=1)


def test_repeated_traffic_without_id_is_real_traffic(store):
    twice = records(Traffic("a"), Traffic("a"))
    file = FileProgress("log.jsonl")
    assert store.add("traffic", "recent", twice, progress=file) == Added(stored=2)
    assert store.add("traffic", "recent", twice, progress=file) == Added(known=2)
    changed = [Record(Traffic("another text on the same line"), 1)]
    assert store.add("traffic", "recent", changed, progress=file) == Added(stored=1)


def test_served_texts_without_a_file_are_all_stored(store):
    named = Traffic("a", id="1")
    for _ in range(3):
        store.add("traffic", "recent", records(named, Traffic("a"), named, Traffic("a")))
    assert store.count_traffic() == 1 + 3 * 2


def test_the_same_fault_is_set_aside_once(store):
    fault = Fault("a.jsonl", 3, "text is empty; it must hold something to read")
    file = FileProgress("a.jsonl")
    first = store.add("traffic", "recent", [], [fault], file)
    again = store.add("traffic", "recent", [], [fault, replace(fault, line=4)], file)
    assert (first, again) == (Added(quarantined=1), Added(known=1, quarantined=1))
    assert store.quarantine(limit=1) == [replace(fault, line=4)]


def test_counts_add_up_per_file_and_in_all(store):
    fault = Fault("a.jsonl", 9, "bad")
    store.add("pair", "recent", records(pair(1), pair(1)), [fault], FileProgress("a.jsonl"))
    store.add("pair", "recent", records(pair(1), pair(2)), progress=FileProgress("a.jsonl"))
    store.add("traffic", "reference", records(Traffic("x")), progress=FileProgress("b.jsonl"))
    counts = store.counts()
    assert counts["pairs"] == {"recent": 2}
    assert counts["traffic"] == {"reference": 1}
    assert counts["quarantine"] == counts["quarantined"] == 1
    assert counts["stored"] == 3
    assert counts["seen"] == 6
    for row in [counts, *counts["files"]]:
        assert row["seen"] == row["stored"] + row["known"] + row["quarantined"]
    assert [row["file"] for row in counts["files"]] == ["a.jsonl", "b.jsonl"]


def test_an_empty_store_answers(store):
    assert store.pairs() == []
    assert store.traffic(latest=5) == []
    assert store.last_sequence() == store.count_pairs() == store.count_traffic() == 0
    assert store.quarantine() == store.cycles() == store.promotions() == []
    assert store.counts()["seen"] == 0
    assert store.add("pair", "recent", []) == Added()


def test_an_exception_while_arriving_leaves_nothing(store):
    with (
        pytest.raises(KeyError),
        store.arriving("pair", "recent", "a.jsonl") as arrivals,
    ):
        arrivals.add(records(pair(1)), [Fault("a.jsonl", 2, "bad")])
        arrivals.progress = FileProgress("a.jsonl", "stamp")
        raise KeyError
    assert store.last_sequence() == 0
    assert store.counts()["seen"] == 0
    assert store.progress("pair", "recent", "a.jsonl") is None


def test_progress_is_kept_with_the_rows(store):
    progress = FileProgress("a.jsonl", "stamp", 10, 2, "digest")
    store.add("pair", "recent", records(pair(1)), progress=progress)
    assert store.progress("pair", "recent", "a.jsonl") == progress
    assert store.progress("pair", "history", "a.jsonl") is None
    store.add("pair", "recent", [], progress=replace(progress, done=20))
    assert store.progress("pair", "recent", "a.jsonl") == replace(progress, done=20)


def test_more_rows_than_one_statement_holds_are_stored(store):
    many = records(*(pair(number) for number in range(5_001)))
    assert store.add("pair", "recent", many + many) == Added(stored=5_001, known=5_001)
    assert [each.id for each in store.pairs()] == [f"id-{number}" for number in range(5_001)]


def test_a_rehearsal_is_undone(store):
    with store.rehearsal():
        store.add("pair", "recent", records(pair(1)))
        with pytest.raises(KeyError), store.arriving("pair", "recent", "a.jsonl") as arrivals:
            arrivals.add(records(pair(2)))
            raise KeyError
        assert store.pairs() == [pair(1)]
    assert store.last_sequence() == 0
    assert store.add("pair", "recent", records(pair(1))).stored == 1


# Cycles


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
    with pytest.raises(ValueError, match=r"cycle 0001 of 2024-05-31T12:00:00\+00:00 is unfinished"):
        store.begin_cycle(NOON)
    store.finish_cycle("0001", "quiet", {})
    assert store.begin_cycle(NOON).id == "0002"


def test_cycle_ids_grow_when_the_clock_goes_back(store):
    for number in range(12):
        store.begin_cycle(NOON - timedelta(days=number))
        store.finish_cycle(f"{number + 1:04d}", "quiet", {})
    assert [row.id for row in store.cycles(limit=3)] == ["0012", "0011", "0010"]


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


# Opening


def test_a_store_keeps_what_it_holds(url):
    with Store.open(url) as store:
        store.add("pair", "recent", records(pair(1)))
    with Store.open(url) as store:
        assert store.pairs() == [pair(1)]


def test_four_processes_open_a_fresh_store_at_once_and_write(tmp_path):
    code = """
import sys, time
from pathlib import Path
from pipeline.store import Record, Store, Traffic
folder, name = Path(sys.argv[1]), sys.argv[2]
for attempt in range(5):
    print("ready", flush=True)
    while not (folder / f"gate{attempt}").exists():
        time.sleep(0.0005)
    with Store.open(f"sqlite:///{folder}/{attempt}/store.db") as store:
        for number in range(10):
            store.add("traffic", "recent", [Record(Traffic(f"{name} {number}"), 1)])
"""
    workers = [run(code, str(tmp_path), str(name)) for name in range(4)]
    for attempt in range(5):
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        (tmp_path / f"gate{attempt}").touch()
    complaints = [worker.communicate(timeout=60)[1] for worker in workers]
    assert complaints == [""] * 4
    for attempt in range(5):
        with Store.open(f"sqlite:///{tmp_path}/{attempt}/store.db") as store:
            assert store.last_sequence() == store.count_traffic() == 40


def test_a_kill_during_creation_leaves_nothing_broken(tmp_path):
    """One process creates store after store; it is killed at a random instant."""
    code = """
import sys
from pipeline.store import Store
print("ready", flush=True)
for number in range(10_000):
    Store.open(f"sqlite:///{sys.argv[1]}/{number}.db").close()
"""
    instants = random.Random(4)
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        worker = run(code, str(folder))
        assert worker.stdout.readline() == "ready\n"
        time.sleep(instants.uniform(0.0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        for path in sorted(folder.glob("*.db"))[-3:]:
            with Store.open(f"sqlite:///{path}") as store:
                assert store.add("pair", "recent", records(pair(1))).stored == 1


def test_a_kill_at_any_statement_of_the_creation_leaves_nothing_broken(tmp_path):
    """Each statement in turn is the last one of its process."""
    code = """
import os, signal, sys
from pipeline import database
from pipeline.store import Store
steps, plain = database._MIGRATIONS[1], database.text
def text(statement):
    if statement == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(statement)
database.text = text
for count in range(len(steps) + 1):
    if os.fork() == 0:
        database._MIGRATIONS = {1: (*steps[:count], "kill")}
        Store.open(f"sqlite:///{sys.argv[1]}/{count}.db")
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    worker = run(code, str(tmp_path))
    statements = len(database._MIGRATIONS[1]) + 1
    assert worker.communicate(timeout=60) == (f"{-signal.SIGKILL}\n" * statements, "")
    for count in range(statements):
        with Store.open(f"sqlite:///{tmp_path}/{count}.db") as store:
            assert store.add("pair", "recent", records(pair(1))).stored == 1


def test_writers_wait_for_one_another(url):
    with Store.open(url) as store:
        failures = []

        def write(name: int) -> None:
            try:
                with Store.open(url) as own:
                    for number in range(20):
                        own.add("pair", "recent", records(pair(number, id=f"{name}-{number}")))
            except StoreUnusable as error:
                failures.append(error)

        with store.arriving("pair", "recent", "slow.jsonl") as arrivals:
            threads = [threading.Thread(target=write, args=(name,)) for name in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(0.2)
            arrivals.add(records(pair(1)))
            assert store.count_pairs() == 0  # Readers neither wait nor see what is not kept yet.
        for thread in threads:
            thread.join()
        assert failures == []
        assert store.pairs()[0] == pair(1)
        assert store.count_pairs() == store.last_sequence() == 61


def test_a_damaged_database_is_named(tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StoreUnusable, match=rf"sqlite:///{path} cannot be used: file is not a"):
        Store.open(f"sqlite:///{path}")


def test_a_truncated_database_is_named(url):
    with Store.open(url) as store:
        store.add("pair", "recent", records(*(pair(number) for number in range(2_000))))
    path = Path(url.removeprefix("sqlite:///"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreUnusable, match=r"store.db cannot be used"), Store.open(url) as store:
        store.pairs()
        store.add("pair", "recent", records(pair(9_999_999)))


def test_a_read_only_database_is_named(url):
    path = url.removeprefix("sqlite:///")
    with Store.open(url) as store:
        store.add("pair", "recent", records(pair(1)))
    with Store.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        assert store.pairs() == [pair(1)]
        with pytest.raises(StoreUnusable, match="readonly database"):
            store.add("pair", "recent", records(pair(2)))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match=r"file/store.db' cannot be opened"):
        Store.open(f"sqlite:///{tmp_path}/file/store.db")


@pytest.mark.parametrize(
    "url", ["", "store.db", "no-such-engine://host/name", "postgresql+x://h/n"]
)
def test_what_is_not_a_database_url_is_refused(url):
    with pytest.raises(StoreUnusable, match=r"the URL must look like sqlite:///path/store.db"):
        Store.open(url)


def test_passwords_are_not_shown():
    with pytest.raises(StoreUnusable) as caught:
        Store.open("postgresql+nosuchdriver://user:secret@host/name")
    assert "secret" not in str(caught.value)


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE pairs (a)")
    connection.close()
    with pytest.raises(StoreUnusable, match=r"holds tables of something else \(pairs\)"):
        Store.open(f"sqlite:///{path}")


def test_a_store_of_a_newer_version_is_refused(url):
    Store.open(url).close()
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        connection.execute("INSERT INTO anchorhold_schema VALUES (99)")
    connection.close()
    with pytest.raises(StoreUnusable, match="has schema 99, written by a newer anchorhold"):
        Store.open(url)


def test_an_older_store_is_migrated_step_by_step(url, monkeypatch):
    with Store.open(url) as store:
        store.add("pair", "recent", records(pair(1)))
    last = max(database._MIGRATIONS)
    later = {
        last + 1: ("CREATE TABLE second (a {integer})",),
        last + 2: ("ALTER TABLE second ADD b TEXT",),
    }
    monkeypatch.setattr(database, "_MIGRATIONS", {**database._MIGRATIONS, **later})
    for _ in range(2):
        with Store.open(url) as store:
            assert store.pairs() == [pair(1)]
    engine = create_engine(url)
    assert [column["name"] for column in inspect(engine).get_columns("second")] == ["a", "b"]
    engine.dispose()


def test_the_tables_in_the_code_are_those_of_the_migrations(url):
    Store.open(url).close()
    engine = create_engine(url)
    for name, table in database._tables.tables.items():
        made = {column["name"] for column in inspect(engine).get_columns(name)}
        assert made == {column.name for column in table.columns}
    engine.dispose()
