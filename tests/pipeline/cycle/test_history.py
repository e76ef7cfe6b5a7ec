"""The promotion history is checked against MLflow too, and a killed process raises no alarm."""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from pipeline.cycle import Champions, run_cycle, verify_history
from pipeline.cycle.history import History, keep_history_head
from pipeline.operations.status import status_now
from pipeline.registry import HeadFile, RegistryFault
from pipeline.store import HistoryBroken, Store

NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@dataclass
class Registry:
    """What the registered model keeps of the history."""

    name: str = "support-search"
    head: tuple[int, str] | None = None
    head_file: HeadFile | None = None

    def history_head(self):
        return self.head

    def set_history_head(self, rows, hash):
        self.head = (rows, hash)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with Store.open(f"sqlite:///{path}") as opened:
        yield opened


@pytest.fixture
def registry():
    return Registry()


def move(store, version: int) -> None:
    before = version - 1 or None
    store.append_promotion(version, before, "promote", f"reason {version}", f"000{version}", NOON)


def change(path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            assert connection.execute(statement).rowcount >= 1
    connection.close()


def compute_anew(path) -> None:
    """Give each row, and the head, the hash that fits, as whoever edits the database can."""
    connection = sqlite3.connect(path)
    names = ("number", "version", "previous", "action", "reason", "cycle", "at")
    rows = connection.execute(f"SELECT {', '.join(names)} FROM promotions ORDER BY number")
    sealed, count = "", 0
    for count, row in enumerate(rows.fetchall(), start=1):
        content = dict(zip(names, row, strict=True))
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        sealed = hashlib.sha256(f"{sealed}{canonical}".encode("ascii")).hexdigest()
        with connection:
            connection.execute("UPDATE promotions SET hash = ? WHERE number = ?", (sealed, count))
    with connection:
        connection.execute("UPDATE promotion_head SET rows = ?, hash = ?", (count, sealed))
    connection.close()


@pytest.fixture
def three(store, registry):
    for version in (1, 2, 3):
        move(store, version)
        keep_history_head(store, registry)
    return store


def test_an_untouched_history_is_verified(three, registry):
    assert verify_history(three, registry) == History(rows=3, verified=True)
    assert registry.head == (3, three.promotions()[-1].hash)


def test_an_empty_history_needs_no_head(store, registry):
    keep_history_head(store, registry)
    assert registry.head is None
    assert verify_history(store, registry) == History(rows=0, verified=True)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edited_row_is_found_though_all_hashes_were_computed_anew(three, registry, path, number):
    change(path, f"UPDATE promotions SET reason = 'another' WHERE number = {number}")
    compute_anew(path)
    assert three.verify_promotions() == 3
    with pytest.raises(HistoryBroken, match="one of the rows 1 to 3 was changed"):
        verify_history(three, registry)


def test_an_edited_row_is_named_where_its_hash_was_not_computed_anew(three, registry, path):
    change(path, "UPDATE promotions SET reason = 'another' WHERE number = 2")
    with pytest.raises(HistoryBroken, match="row 2 of the promotion history"):
        verify_history(three, registry)


@pytest.mark.parametrize("left", [0, 2])
def test_an_end_that_was_cut_off_is_found(three, registry, path, left):
    change(path, f"DELETE FROM promotions WHERE number > {left}")
    compute_anew(path)
    assert three.verify_promotions() == left
    with pytest.raises(HistoryBroken, match=f"ends with row {left}, but .* confirms 3 rows"):
        verify_history(three, registry)


def test_an_end_that_was_replaced_is_found(three, registry, path):
    change(path, "DELETE FROM promotions WHERE number = 3")
    compute_anew(path)
    move(three, 4)
    move(three, 5)
    with pytest.raises(HistoryBroken, match="row 3 of the promotion history"):
        verify_history(three, registry)


def test_a_broken_history_leaves_the_head_as_it_was(three, registry, path):
    kept = registry.head
    change(path, "UPDATE promotions SET version = 9 WHERE number = 1")
    compute_anew(path)
    with pytest.raises(HistoryBroken):
        keep_history_head(three, registry)
    assert registry.head == kept


def test_a_head_that_is_behind_is_no_alarm_and_is_brought_up_to_date(three, registry):
    kept = registry.head
    move(three, 4)
    move(three, 5)
    assert verify_history(three, registry) == History(rows=5, verified=True)
    assert registry.head == kept
    keep_history_head(three, registry)
    assert registry.head == (5, three.promotions()[-1].hash)


def test_a_history_from_before_the_head_was_kept_is_confirmed_from_now_on(store, registry):
    move(store, 1)
    assert verify_history(store, registry) == History(rows=1, verified=False)
    keep_history_head(store, registry)
    assert verify_history(store, registry) == History(rows=1, verified=True)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.cycle import Champions
from pipeline.registry import Registry
from pipeline.workspace import load_settings, open_workspace

Registry.set_history_head = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
now = datetime(2026, 3, 2, tzinfo=UTC)
settings = load_settings(Path(sys.argv[1]))
with open_workspace(settings, doing="x", now=now, exclusive=False) as opened:
    champions = Champions.of(opened)
    champions.roll_back(None, reason="complaints", now=now)
"""


def test_a_process_killed_between_history_and_head_raises_no_alarm(opened):
    registry, store = opened.registry, opened.store
    keep_history_head(store, registry)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(opened.settings.root)],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert len(store.promotions()) == 3
    assert registry.history_head() == (2, store.promotions()[1].hash)
    assert status_now(opened, NOON).to_json()["history"] == {"rows": 3, "verified": True}
    run_cycle(opened, datetime(2026, 3, 2, tzinfo=UTC))
    assert registry.history_head() == (3, store.promotions()[2].hash)


def test_each_promotion_is_confirmed_and_none_is_made_on_a_changed_history(opened):
    champions = Champions.of(opened)
    champions.roll_back(None, reason="it looked odd", now=NOON)
    rows = len(opened.store.promotions())
    assert opened.registry.history_head() == (rows, opened.store.promotions()[-1].hash)
    database = opened.settings.state / "store.db"
    change(database, "UPDATE promotions SET reason = 'fine' WHERE number = 1")
    compute_anew(database)
    for refused in (
        lambda: status_now(opened, NOON),
        lambda: run_cycle(opened, NOON),
        lambda: champions.promote("2", reason="again", force=True, now=NOON),
    ):
        with pytest.raises(HistoryBroken):
            refused()
    assert opened.versions.champion().number == 1
    assert len(opened.store.promotions()) == rows


def test_a_file_out_of_reach_shows_a_history_that_was_forged_in_the_store_and_in_mlflow(
    path, store, tmp_path
):
    file = tmp_path / "elsewhere" / "heads.jsonl"
    registry = Registry(head_file=HeadFile(file, "workspace"))
    move(store, 1)
    move(store, 2)
    assert not verify_history(store, registry).verified
    keep_history_head(store, registry)
    keep_history_head(store, registry)
    assert len(file.read_text().splitlines()) == 1
    assert verify_history(store, registry) == History(2, verified=True)
    forged = Registry(head_file=registry.head_file)
    with Store.open("sqlite://") as other:
        for version in (1, 2):
            other.append_promotion(version, None, "force", "forged", f"000{version}", NOON)
        forged.head = (2, other.promotions()[-1].hash)
        with pytest.raises(HistoryBroken, match=r"elsewhere/heads\.jsonl confirms"):
            verify_history(other, forged)
        with pytest.raises(HistoryBroken):
            keep_history_head(other, forged)
    assert len(file.read_text().splitlines()) == 1


def test_a_shorter_history_than_the_file_knows_is_broken(store, tmp_path):
    file = HeadFile(tmp_path / "heads.jsonl", "workspace")
    for version in (1, 2):
        move(store, version)
        keep_history_head(store, Registry(head_file=file))
    with Store.open("sqlite://") as other:
        move(other, 1)
        with pytest.raises(HistoryBroken, match="rows at the end were removed"):
            verify_history(other, Registry(head=(1, other.promotions()[0].hash), head_file=file))


def test_the_file_is_shared_survives_a_cut_line_and_names_what_it_cannot_read(store, tmp_path):
    path = tmp_path / "heads.jsonl"
    mine, yours = HeadFile(path, "mine"), HeadFile(path, "yours")
    assert mine.last() is None
    mine.add(1, "ab")
    yours.add(7, "cd")
    assert (mine.last(), yours.last()) == ((1, "ab"), (7, "cd"))
    with path.open("a") as file:
        file.write('{"workspace": "mine", "rows": 2, "ha')
    assert mine.last() == (1, "ab")
    mine.add(2, "ef")
    assert mine.last() == (2, "ef")
    with path.open("a") as file:
        file.write('{"workspace": "mine"}\n')
    with pytest.raises(RegistryFault, match="line 5 is no end of a promotion history"):
        mine.last()
    path.unlink()
    path.mkdir()
    with pytest.raises(RegistryFault, match=r"promotion\.head_file must name a file"):
        mine.add(1, "ab")
