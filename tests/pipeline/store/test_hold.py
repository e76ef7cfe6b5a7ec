"""The hold on a store in a real PostgreSQL: one runner on all machines, and what loses it."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from postgres_server import running_postgres

from pipeline.machine import WorkspaceBusy
from pipeline.store import HoldLost, Record, Store, StoreUnusable, Traffic

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from pipeline.store import Store
with Store.open(sys.argv[1]) as store, store.held("run") as everywhere:
    print(everywhere, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def server():
    with running_postgres() as server:
        yield server


@pytest.fixture
def url(server, request):
    return server.create(request.node.name[:60])


@pytest.fixture
def other_machine(url):
    """A process that holds the store; it shares no file with this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "True\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def text(content: str) -> list[Record]:
    return [Record(Traffic(content))]


def cut_holder(url: str) -> None:
    """End the connection that holds the store, as a failing network would."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE classid = 4711"
        assert connection.execute(query).fetchall() == [(True,)]


def test_a_second_runner_is_told_who_holds_it_until_that_one_dies(url, other_machine):
    told = rf"anchorhold run \({other_machine.pid} on .*\) has held it since 20..-"
    with Store.open(url) as store:
        with pytest.raises(WorkspaceBusy, match=told), store.held("promote"):
            pass
        store.add("traffic", "recent", text("what needs no hold"))
        other_machine.send_signal(signal.SIGKILL)
        other_machine.wait()
        for _ in range(50):
            try:
                with store.held("promote"):
                    assert store.add("traffic", "recent", text("after it")).stored == 1
                return
            except WorkspaceBusy:
                threading.Event().wait(0.1)
    pytest.fail("the dead process still holds it")


def test_it_is_free_again_after_the_block_and_after_a_fault(url):
    with Store.open(url) as store, Store.open(url) as other:
        with pytest.raises(KeyError), store.held("run"):
            raise KeyError
        with other.held("run") as everywhere:
            assert everywhere is True


def test_users_without_rights_of_their_own_hold_it_too(server):
    database = server.create("ordinary_users")
    with psycopg.connect(database, autocommit=True) as connection:
        for name in ("ordinary", "other"):
            connection.execute(f"CREATE USER {name}")
        connection.execute("GRANT ALL ON SCHEMA public TO ordinary, other")
        connection.execute(
            "ALTER DEFAULT PRIVILEGES FOR USER ordinary GRANT ALL ON TABLES TO other"
        )
    urls = [database.replace("tester:hidden", name) for name in ("ordinary", "other")]
    with Store.open(urls[0]) as store, store.held("run"):
        assert store.add("traffic", "recent", text("a text")).stored == 1
        # Since when, one user of the server is not told of another one.
        for url, told in zip(urls, (r"\) has held it since", r"\); wait until"), strict=True):
            with Store.open(url) as other, pytest.raises(WorkspaceBusy, match=told):
                other.held("run").__enter__()


def test_a_part_is_held_apart_from_the_workspace(url):
    with (
        Store.open(url) as store,
        Store.open(url) as other,
        store.held("run"),
        other.held("messages", part="outbox"),
        pytest.raises(WorkspaceBusy),
        store.held("messages", part="outbox"),
    ):
        pass


def test_two_stores_in_one_server_do_not_hold_one_another(server, url):
    another = server.create("another")
    with Store.open(url) as one, Store.open(another) as other, one.held("run"), other.held("run"):
        assert one.identity() != other.identity()


def test_who_lost_the_hold_writes_nothing_more(url):
    with Store.open(url) as store, Store.open(url) as other, store.held("run"):
        store.add("traffic", "recent", text("before"))
        store.confirm_hold()
        cut_holder(url)
        with other.held("run"):
            with pytest.raises(HoldLost, match="nothing that was stored is lost"):
                store.add("traffic", "recent", text("after"))
            with pytest.raises(HoldLost):
                store.confirm_hold()
            with pytest.raises(HoldLost), store.together():
                pass
        assert [each.text for each in store.traffic()] == ["before"]


def test_the_next_holder_begins_after_what_the_one_before_was_writing(url):
    order = []

    def take_over() -> None:
        with Store.open(url) as other, other.held("run"):
            order.extend(each.text for each in other.traffic())

    with Store.open(url) as store, store.held("run"):
        with store.together():
            store.add("traffic", "recent", text("begun before the cut"))
            cut_holder(url)
            taking = threading.Thread(target=take_over)
            taking.start()
            taking.join(1.0)
            assert taking.is_alive() and order == []
        taking.join(30)
    assert order == ["begun before the cut"]


def test_a_restart_of_the_server_ends_the_hold_and_no_open_store(server, url):
    with Store.open(url) as store, Store.open(url) as reader:
        assert reader.count_traffic() == 0
        with store.held("run"):
            store.add("traffic", "recent", text("before"))
            server.restart()
            with pytest.raises((HoldLost, StoreUnusable), match="nothing that was stored is lost"):
                store.add("traffic", "recent", text("after"))
        assert [each.text for each in reader.traffic()] == ["before"]
        with store.held("run"):
            assert store.add("traffic", "recent", text("again")).stored == 1


def test_a_server_that_is_down_ends_in_a_sentence(server, url):
    with Store.open(url) as store:
        server.stop()
        try:
            told = r"^the database postgresql://tester:\*\*\*@.* nothing that was stored is lost"
            with pytest.raises(StoreUnusable, match=told):
                store.count_traffic()
            with pytest.raises(StoreUnusable, match=told):
                Store.open(url)
        finally:
            server.start()
        assert store.count_traffic() == 0


def test_sqlite_is_held_by_the_lock_of_the_workspace_alone():
    with Store.open("sqlite://") as store, store.held("run") as everywhere:
        assert everywhere is False
        store.confirm_hold()
        assert store.add("traffic", "recent", text("a text")).stored == 1


@pytest.mark.parametrize(
    "url, driver, command",
    [
        ("postgresql://h/n", "psycopg", r'pip install "anchorhold\[postgres\]"'),
        ("postgresql+psycopg2://h/n", "psycopg2", "pip install psycopg2"),
    ],
)
def test_a_missing_driver_is_named_with_the_command_that_installs_it(
    monkeypatch, url, driver, command
):
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(StoreUnusable, match=f"its driver {driver} is not installed: {command}$"):
        Store.open(url)
