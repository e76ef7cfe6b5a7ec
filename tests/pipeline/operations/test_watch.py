"""Watching: cycles when something is new, in processes of their own, until it is stopped."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pytest
from conftest import let_travel_arrive
from made_streams import BANK, sentences, texts_of, write_lines
from receiving import receiving

from pipeline.machine import hold_workspace
from pipeline.operations import Workspace, watch
from pipeline.operations.watched_settings import WatchedSettings
from training.faults import AnchorholdError

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PATIENCE = 400
"""Seconds: other work may take the processors."""


def add_settings(space, text):
    with (space / "anchorhold.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


class Watcher:
    """A workspace that is watched in a thread; its cycles are real processes."""

    def __init__(self, space, **how):
        self.events, self.stop, self.told = queue.Queue(), threading.Event(), []

        def go():
            with Workspace.open(space) as work:
                work.watch(tell=self.events.put, stop=self.stop, **how)

        self.thread = threading.Thread(target=go)
        self.thread.start()

    def next(self, *kinds, patience=PATIENCE):
        """Return the next event of these kinds."""
        deadline = time.monotonic() + patience
        while True:
            event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            self.told.append(event)
            if event.event in kinds:
                return event


@contextmanager
def watching(space, **how):
    watcher = Watcher(space, **how)
    try:
        yield watcher
    finally:
        watcher.stop.set()
        watcher.thread.join(30)
        assert not watcher.thread.is_alive()


def started(space, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "watch", "-w", space, "--json", *arguments],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_settings_are_read_again_and_bad_ones_change_nothing(workspace):
    settings = WatchedSettings(workspace, every="2s")
    assert settings.read_again() == ""
    add_settings(workspace, "[watch]\nrecords = 7")
    assert "read again" in settings.read_again()
    assert (settings.pace.records, settings.pace.every) == (7, "2s")
    add_settings(workspace, "[gate]\nmax_dorp = 1")
    assert "max_dorp" in settings.read_again()
    assert settings.read_again() == ""
    assert settings.pace.records == 7
    assert b"max_dorp" not in settings.raw
    (workspace / "anchorhold.toml").unlink()
    assert "stay in force" in settings.read_again()
    assert settings.read_again() == ""


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"every": "often"}, "'often'"),
        ({"every": "15"}, "such as 15m"),
        ({"every": "0m"}, "above 0"),
        ({"every": "-5m"}, "'-5m'"),
        ({"records": -1}, "-1"),
    ],
)
def test_a_pace_that_is_none_is_named(workspace, given, named):
    with Workspace.open(workspace) as work, pytest.raises(AnchorholdError) as fault:
        work.watch(**given)
    assert named in str(fault.value)


def test_it_runs_a_cycle_then_nothing_until_something_is_new_and_stops_in_order(turned):
    watched = started(turned, "--every", "1s", "--metrics-port", "0")
    first, second = (json.loads(watched.stdout.readline()) for _ in range(2))
    assert [first["event"], second["event"]] == ["started", "run"]
    time.sleep(2.5)
    watched.send_signal(signal.SIGTERM)
    began = time.monotonic()
    rest, messages = watched.communicate(timeout=30)
    assert time.monotonic() - began < 15
    assert watched.returncode == 0, messages
    assert [json.loads(line)["event"] for line in rest.splitlines()] == ["stopped"]
    assert "Traceback" not in messages
    with Workspace.open(turned) as work:
        outcomes = [each.outcome for each in work.status().cycles]
    assert outcomes == ["quiet", "promoted", "bootstrapped"]


@pytest.mark.slow
def test_drift_leads_to_a_promotion_a_message_and_metrics(workspace):
    with Workspace.open(workspace) as work:
        work.run()
    with receiving(lambda number: 503 if number == 0 else 200) as (url, received):
        add_settings(workspace, f'[promotion]\nwebhook = "{url}"')
        watched = started(workspace, "--every", "1s", "--metrics-port", "0")
        where = watched.stderr.readline().split()[-1]
        events = [json.loads(watched.stdout.readline()) for _ in range(2)]
        assert events[1]["result"]["outcome"] == "quiet"
        before = psutil.Process(watched.pid).memory_info().rss
        let_travel_arrive(workspace)
        promoted = json.loads(watched.stdout.readline())
        assert promoted["result"]["outcome"] == "promoted"
        for number in range(3):
            write_lines(
                workspace / "traffic" / f"bank-{number}.jsonl",
                texts_of(sentences(BANK, 20, 50 + number)),
            )
            while json.loads(watched.stdout.readline())["event"] != "run":
                pass
        told = urllib.request.urlopen(where).read().decode()
        grown = psutil.Process(watched.pid).memory_info().rss - before
        add_settings(workspace, "[gate]\nmax_dorp = 1")
        event = json.loads(watched.stdout.readline())
        while event["event"] != "settings":
            event = json.loads(watched.stdout.readline())
        assert "max_dorp" in event["message"]
        write_lines(workspace / "traffic" / "late.jsonl", texts_of(sentences(BANK, 20, 60)))
        event = json.loads(watched.stdout.readline())
        while event["event"] != "run":
            event = json.loads(watched.stdout.readline())
        watched.send_signal(signal.SIGTERM)
        watched.communicate(timeout=30)
    assert watched.returncode == 0
    assert 'anchorhold_watch_cycles_total{outcome="promoted"} 1.0' in told
    assert "anchorhold_champion_version 2.0" in told
    assert grown < 20e6
    assert [each["body"]["data"]["version"] for each in received][:1] == [2]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_is_stopped_while_a_cycle_trains_and_the_next_run_resumes_that_cycle(
    workspace, travel_arrives, number
):
    with Workspace.open(workspace) as work:
        work.run()
    add_settings(workspace, "")
    text = (workspace / "anchorhold.toml").read_text()
    (workspace / "anchorhold.toml").write_text(text.replace("epochs = 3", "epochs = 60"))
    travel_arrives()
    watched = started(workspace)
    attempts = workspace / ".anchorhold" / "cycles" / "0002" / "attempts"
    deadline = time.monotonic() + PATIENCE
    while not list(attempts.glob("**/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    watched.send_signal(number)
    began = time.monotonic()
    _, messages = watched.communicate(timeout=60)
    assert watched.returncode == 0, messages
    assert time.monotonic() - began < 30
    with Workspace.open(workspace) as work:
        assert work.status().unfinished == "0002"
        result = work.run()
    assert (result.cycle, result.outcome) == ("0002", "promoted")


@pytest.mark.slow
def test_a_bad_file_is_told_once_and_its_correction_is_seen_at_once(turned):
    with receiving() as (url, received):
        add_settings(turned, f'[alerts]\nwebhook = "{url}"')
        with watching(turned, every="2s") as watcher:
            assert watcher.next("run").result.outcome == "quiet"
            bad = turned / "pairs" / "bad.jsonl"
            bad.write_text("this is not JSON\n")
            for failures in (1, 2, 3):
                event = watcher.next("failed")
                assert event.failures == failures
                assert "bad.jsonl" in event.message
            bad.unlink()
            assert watcher.next("run").failures == 0
    (told,) = received
    assert told["body"]["type"] == "alert.failed_run"
    assert "bad.jsonl" in told["body"]["data"]["summary"]


@pytest.mark.slow
def test_a_store_out_of_reach_is_told_without_an_outbox_and_the_loop_goes_on(turned):
    store, away = turned / ".anchorhold" / "store.db", turned / "store.db"
    with receiving() as (url, received):
        add_settings(turned, f'[alerts]\nwebhook = "{url}"\n[watch]\nlongest_pause = "1s"')
        with watching(turned, every="1s") as watcher:
            watcher.next("run")
            shutil.move(store, away)
            for beside in turned.glob(".anchorhold/store.db-*"):
                beside.unlink()
            store.mkdir()
            for _ in range(4):
                assert "store.db" in watcher.next("failed").message
            store.rmdir()
            shutil.move(away, store)
            assert watcher.next("run").result.outcome == "quiet"
    assert [each["body"]["type"] for each in received] == ["alert.failed_run"]


@pytest.mark.slow
def test_somebody_else_at_work_is_waited_for_and_no_failure(turned, monkeypatch):
    monkeypatch.setattr(watch, "_BUSY_PAUSE", 1.0)
    with hold_workspace(turned / ".anchorhold", doing="promote", now=NOW):
        watcher = Watcher(turned, every="1s")
        event = watcher.next("busy")
        assert "anchorhold promote" in event.message
        assert event.failures == 0
        time.sleep(6)
    assert watcher.next("run").result.outcome == "quiet"
    watcher.stop.set()
    watcher.thread.join(30)
    assert [each.event for each in watcher.told].count("busy") == 1


@pytest.mark.slow
def test_enough_new_records_are_not_kept_waiting(turned):
    with watching(turned, every="1h", records=30) as watcher:
        watcher.next("run")
        write_lines(turned / "traffic" / "few.jsonl", texts_of(sentences(BANK, 20, 70)))
        with pytest.raises(queue.Empty):
            watcher.next("run", patience=12)
        write_lines(turned / "traffic" / "more.jsonl", texts_of(sentences(BANK, 20, 71)))
        result = watcher.next("run").result
    assert result.intake.traffic.stored == 40


@pytest.mark.slow
def test_a_cycle_that_is_killed_is_a_failure_and_resumed(workspace):
    with Workspace.open(workspace) as work:
        work.run()
    let_travel_arrive(workspace)
    with watching(workspace, every="1s") as watcher:
        deadline = time.monotonic() + PATIENCE
        attempts = workspace / ".anchorhold" / "cycles" / "0002" / "attempts"
        while not list(attempts.glob("**/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        for child in psutil.Process().children():
            child.kill()
        assert "SIGKILL" in watcher.next("failed").message
        result = watcher.next("run").result
    assert (result.cycle, result.outcome) == ("0002", "promoted")
