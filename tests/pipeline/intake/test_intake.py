"""Intake: every record is stored, known or in quarantine, once, whatever is in the files."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import (
    ANY_FILE,
    LENIENT,
    NOW,
    line,
    pairs,
    rows_of,
    stored_texts,
    take,
    texts,
    touch_later,
)

from pipeline.intake import Intake, IntakeResult
from pipeline.store import Store
from training.faults import DataFault

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_progress_is_told_in_bytes(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(texts("a"))
    (tmp_path / "b.jsonl").write_bytes(texts("b", "c"))
    told = []

    class Shown:
        def __init__(self, name: str, total: int) -> None:
            told.append((name, total))

        def __enter__(self):
            return told.append

        def __exit__(self, *_):
            return None

    LENIENT.read(store, "traffic", "recent", ["*.jsonl"], tmp_path, NOW, Shown)
    size = len(texts("a"))
    assert told == [("reading recent", 3 * size), size, 2 * size]


def test_an_id_that_stands_for_two_pairs_is_set_aside(store, tmp_path):
    content = pairs(1, 2) + line(id="1", query="query 1", positive="other") + pairs(1)
    (tmp_path / "a.jsonl").write_bytes(content)
    report = take(store, tmp_path, kind="pair")
    assert (report.stored, report.known, report.quarantined) == (2, 1, 1)
    (fault,) = store.quarantine()
    assert fault.line == 3
    assert "first seen in a.jsonl line 1" in fault.reason


def test_bad_records_are_listed_in_the_order_of_the_file(store, tmp_path):
    content = pairs(1) + b"bad\n" + line(id="1", query="q", positive="p") + b"bad\n"
    (tmp_path / "a.jsonl").write_bytes(content)
    take(store, tmp_path, kind="pair")
    assert [fault.line for fault in store.quarantine()] == [4, 3, 2]


def test_a_file_with_too_many_bad_records_is_refused_whole(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(pairs(*range(8)) + b"bad\nworse\n")
    (tmp_path / "b.jsonl").write_bytes(pairs(20))
    with pytest.raises(DataFault) as caught:
        take(store, tmp_path, kind="pair", intake=Intake())
    assert str(caught.value).startswith(
        "a.jsonl: 2 of 10 new records are bad, at most 10% may be (intake.max_bad_share); "
        "nothing of this file was stored; the first: a.jsonl line 9: not JSON"
    )
    assert store.counts().seen == 0
    path.write_bytes(pairs(*range(18)) + b"bad\nworse\n")
    assert take(store, tmp_path, kind="pair", intake=Intake()).stored == 19


def test_one_bad_line_at_the_end_of_a_good_file_is_set_aside(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(pairs(1))
    take(store, tmp_path, kind="pair", intake=Intake())
    for number in range(3):
        with path.open("ab") as file:
            file.write(f"bad {number}\n".encode())
        if number < 2:
            assert take(store, tmp_path, kind="pair", intake=Intake()).quarantined == 1
    with path.open("ab") as file:
        file.write(b"bad again\n")
    with pytest.raises(DataFault, match="2 of 2 new records are bad"):
        take(store, tmp_path, kind="pair", intake=Intake())
    assert len(store.quarantine()) == 2
    path.write_bytes(pairs(2) + b"bad\n")
    with pytest.raises(DataFault, match="at most 0% may be"):
        take(store, tmp_path, kind="pair", intake=Intake(max_bad_share=0.0))


def test_conflicting_ids_count_as_bad(store, tmp_path):
    other = b"".join(line(id=str(n), query="x", positive="y") for n in range(5))
    (tmp_path / "a.jsonl").write_bytes(pairs(*range(5)))
    (tmp_path / "b.jsonl").write_bytes(other)
    with pytest.raises(DataFault, match=r"b.jsonl: 5 of 5 new .*first seen in a.jsonl line 1"):
        take(store, tmp_path, kind="pair", intake=Intake())
    assert store.count_pairs() == 5


def test_a_moved_workspace_keeps_what_it_knows(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "a.jsonl").write_bytes(texts("a"))
    with Store.open(f"sqlite:///{old}/store.db") as store:
        take(store, old)
    old.rename(new)
    with Store.open(f"sqlite:///{new}/store.db") as store:
        assert take(store, new).stored == 0


def test_one_file_may_serve_two_roles(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(pairs(1))
    assert take(store, tmp_path, kind="pair", role="history").stored == 1
    assert take(store, tmp_path, kind="pair", role="recent").known == 1


def test_a_file_of_recent_pairs_that_is_named_as_history_becomes_history(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(pairs(1, 2))
    (tmp_path / "t.jsonl").write_bytes(texts("a"))
    take(store, tmp_path, "a.jsonl", kind="pair")
    take(store, tmp_path, "t.jsonl")
    assert take(store, tmp_path, "a.jsonl", kind="pair", role="history").known == 2
    take(store, tmp_path, "t.jsonl", role="reference")
    assert (store.count_pairs(role="history"), store.count_pairs(role="recent")) == (2, 0)
    assert (store.count_traffic(role="reference"), store.count_traffic(role="recent")) == (1, 0)


def test_one_file_is_parsed_without_keeping_anything(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(pairs(1, 2) + b"bad\n" + pairs(1) + b'{"query": "cut')
    found, faults = LENIENT.parse(path, "pair", NOW)
    assert [pair.id for pair in found] == ["1", "2"]
    assert [fault.line for fault in faults] == [3, 5]
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]
    with pytest.raises(DataFault, match="2 of 4 new records are bad"):
        Intake().parse(path, "pair", NOW)
    with pytest.raises(DataFault, match=r"none.jsonl: No such file"):
        Intake().parse(tmp_path / "none.jsonl", "pair", NOW)


@pytest.mark.parametrize(
    "wrong",
    [{"max_bad_share": 1.5}, {"max_line_bytes": 0}, {"max_line_bytes": "1"}, {"max_bytes": 5}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Intake(**wrong)


@settings(max_examples=100, deadline=None)
@given(
    content=ANY_FILE,
    share=st.sampled_from([0.0, 0.3, 1.0]),
    ending=st.sampled_from(["jsonl", "csv"]),
)
def test_any_bytes_are_stored_known_or_set_aside(content, share, ending):
    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        path = Path(folder, f"a.{ending}")
        path.write_bytes(content)
        intake = Intake(max_bad_share=share)
        try:
            report = intake.read(store, "pair", "recent", [f"*.{ending}"], Path(folder), NOW)
        except DataFault as fault:
            assert str(fault).startswith(f"a.{ending}: ")
            assert store.counts().seen == 0
            return
        counts = store.counts()
        assert report.seen == report.stored + report.known + report.quarantined == counts.seen
        assert report.stored == store.count_pairs() == store.last_sequence()
        assert report.quarantined == counts.quarantine
        most = max(share * (report.quarantined + report.stored), bool(share and report.known))
        assert report.quarantined <= most
        if ending == "jsonl":
            written = [part for part in content.split(b"\n") if part.strip()]
            waits = any("not complete" in warning for warning in report.warnings)
            assert report.seen == len(written) - waits

        before = rows_of(store)
        touch_later(path)
        assert intake.read(store, "pair", "recent", ["*"], Path(folder), NOW).seen == 0
        Path(folder, "copy").write_bytes(content)
        os.replace(Path(folder, "copy"), path)
        assert intake.read(store, "pair", "recent", ["*"], Path(folder), NOW).seen == 0
        assert rows_of(store) == before


def test_a_kill_at_any_instant_leaves_each_record_once(tmp_path):
    code = """
import sys
from datetime import datetime
from pathlib import Path
from pipeline.intake import Intake
from pipeline.store import Store
folder = Path(sys.argv[1])
print("ready", flush=True)
with Store.open(f"sqlite:///{folder}/store.db") as store:
    Intake().read(store, "traffic", "recent", ["*.jsonl"], folder, datetime(2024, 5, 31))
print("done", flush=True)
"""
    for name in "abc":
        contents = texts(*(f"{name} {number}" for number in range(5_000)))
        (tmp_path / f"{name}.jsonl").write_bytes(contents)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    instants = random.Random(2)
    for _ in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert worker.stdout.readline() == "ready\n"
        time.sleep(instants.uniform(0.0, 0.5))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
            assert store.count_traffic() == store.last_sequence() == store.counts().stored
            assert store.count_traffic() % 5_000 == 0
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        Intake().read(store, "traffic", "recent", ["*.jsonl"], tmp_path, NOW)
        expected = [f"{name} {number}" for name in "abc" for number in range(5_000)]
        assert stored_texts(store) == expected


@pytest.mark.slow
def test_two_hundred_thousand_lines_are_taken_in_quickly(tmp_path):
    with (tmp_path / "a.jsonl").open("wb") as file:
        for number in range(200_000):
            file.write(line(id=f"id-{number}", query=f"query {number}", positive="answer " * 20))
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        began = time.process_time()
        assert take(store, tmp_path, kind="pair").stored == 200_000
        assert time.process_time() - began < 20


def test_all_files_of_the_settings_are_counted_by_key(store, tmp_path):
    (tmp_path / "h.jsonl").write_bytes(pairs(1, 2))
    (tmp_path / "t.jsonl").write_bytes(texts("a", "b") + b"bad\n" + texts("c"))
    patterns = {"history": ["h.jsonl"], "traffic": ["t.jsonl"]}
    result = LENIENT.read_all(store, patterns, tmp_path, NOW)
    assert isinstance(result, IntakeResult)
    (warning,) = result.warnings
    counts = ("files", "seen", "stored", "known", "quarantined", "erased", "redacted")
    none = dict.fromkeys(counts, 0)
    assert result.model_dump(mode="json", exclude={"log"}) == {
        "corpus": none,
        "history": {**none, "files": 1, "seen": 2, "stored": 2},
        "reference": none,
        "pairs": none,
        "traffic": {**none, "files": 1, "seen": 4, "stored": 3, "quarantined": 1},
        "warnings": [warning],
    }
