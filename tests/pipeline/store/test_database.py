"""The database: created, opened and shared safely, and named when it cannot be used."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.store import Record, Store, StoreUnusable
from training.pairs import Pair

ROOT = Path(__file__).parents[3]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'state' / 'store.db'}"


def pair(name: object) -> Pair:
    return Pair(f"id-{name}", f"query {name}", f"answer {name}")


def records(*contents) -> list[Record]:
    return [Record(content, line) for line, content in enumerate(contents, start=1)]


def run(code: str, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_store_keeps_what_it_holds(url):
    with Store.open(url) as store:
        store.add("pair", "recent", records(pair(1)))
    with Store.open(url) as store:
        assert store.pairs() == [pair(1)]


@pytest.mark.slow
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
from sqlalchemy import Engine, event
from pipeline.store import Store
for count in range(100):
    left = [count]
    def kill(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    if os.fork() == 0:
        event.listen(Engine, "before_cursor_execute", kill)
        Store.open(f"sqlite:///{sys.argv[1]}/{count}.db").close()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 0:
        break
print(count)
"""
    killed, complaints = run(code, str(tmp_path)).communicate(timeout=60)
    assert complaints == ""
    assert int(killed) > 15
    for count in range(int(killed)):
        with Store.open(f"sqlite:///{tmp_path}/{count}.db") as store:
            assert store.add("pair", "recent", records(pair(1))).stored == 1


def test_writers_wait_for_one_another(url):
    with Store.open(url) as store:
        failures = []

        def write(name: int) -> None:
            try:
                with Store.open(url) as own:
                    for number in range(20):
                        own.add("pair", "recent", records(pair(f"{name}-{number}")))
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
    with pytest.raises(StoreUnusable, match=r"holds tables of another program \(pairs\)"):
        Store.open(f"sqlite:///{path}")


def test_a_path_that_is_too_long_for_sqlite_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(StoreUnusable, match=r"its path has \d+ bytes, SQLite takes at most 500"):
        Store.open(f"sqlite:///{tmp_path}/{'/'.join(['long' * 30] * 5)}/store.db")
    assert not any(tmp_path.iterdir())
