"""JSON Lines: read on where they grew, read again where they were rewritten, nothing twice."""

import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import (
    ANY_LINE,
    pairs,
    rows_of,
    stored_texts,
    take,
    texts,
    touch_later,
)

from pipeline.intake import IntakeReport
from pipeline.intake.json_lines import JsonLines
from pipeline.store import FileProgress, Store

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_marks_blank_lines_and_windows_line_ends_are_no_fault(store, tmp_path):
    content = b"\xef\xbb\xbf" + b'{"text": "a"}\r\n\r\n  \n{"text": "b"}\r\n{"text": "c"}'
    (tmp_path / "a.jsonl").write_bytes(content)
    assert take(store, tmp_path) == IntakeReport(files=1, stored=3)
    assert stored_texts(store) == ["a", "b", "c"]


def test_a_line_of_any_length_is_skipped_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("before") + b"x" * 50_000_000 + b"\n" + texts("after"))
    with path.open("rb", buffering=0) as stream:
        size = path.stat().st_size
        tracemalloc.start()
        found = list(JsonLines(stream, size, FileProgress("a"), max_line_bytes=1_000_000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert [each.number for each in found] == [1, 2, 3]
    assert "longer than 1000000 bytes ('xxxx" in str(found[1].content)
    assert peak < 8_000_000


@pytest.mark.slow
def test_a_gigabyte_line_needs_little_memory(tmp_path):
    code = """
import resource, sys
from datetime import datetime
from pathlib import Path
from pipeline.intake import Intake
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20))
texts, faults = Intake(max_bad_share=1).parse(Path(sys.argv[1]), "traffic", datetime(2024, 1, 1))
print(len(texts), len(faults))
"""
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(texts("before") + b'{"text": "')
        for _ in range(1_000):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + texts("after"))
    # One thread: each has a buffer of its own, and processors have many. A limit rather than the
    # peak that the system reports: a child's begins with that of the process that started it.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=environment, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("2 1\n", "")


def test_an_unchanged_file_is_not_read_again(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("a", "b"))
    take(store, tmp_path)
    assert take(store, tmp_path) == IntakeReport(unchanged=1)
    touch_later(path)
    assert take(store, tmp_path) == IntakeReport(files=1)
    assert take(store, tmp_path) == IntakeReport(unchanged=1)
    assert store.count_traffic() == 2


def test_a_grown_file_is_read_on(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("a", "b"))
    take(store, tmp_path)
    with path.open("ab") as file:
        file.write(b"bad\n" + texts("c"))
    assert take(store, tmp_path).seen == 2
    assert stored_texts(store) == ["a", "b", "c"]
    assert store.quarantine()[0].line == 3


def test_a_rewritten_file_is_read_again(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(pairs(1, 2, 3) + b"bad\n")
    take(store, tmp_path, kind="pair")
    path.write_bytes(pairs(2, 9) + b"junk\n" + b"bad\n")
    report = take(store, tmp_path, kind="pair")
    assert (report.stored, report.known, report.quarantined) == (1, 2, 1)
    assert report.warnings[0] == "a.jsonl was rewritten since it was read, and read again"
    assert [pair.id for pair in store.pairs()] == ["1", "2", "3", "9"]


def test_a_rewrite_of_the_same_size_and_time_is_noticed(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("a"))
    before = path.stat()
    take(store, tmp_path)
    path.write_bytes(texts("b"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    take(store, tmp_path)
    assert stored_texts(store) == ["a", "b"]


def test_a_shortened_file_is_read_again(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("a", "b", "c"))
    take(store, tmp_path)
    path.write_bytes(texts("a", "b"))
    assert take(store, tmp_path).known == 2
    path.write_bytes(texts("a", "b", "d"))
    assert take(store, tmp_path).stored == 1
    assert stored_texts(store) == ["a", "b", "c", "d"]


def test_a_last_line_that_is_not_complete_waits(store, tmp_path):
    path = tmp_path / "a.jsonl"
    whole = texts("a", "où? 😀")
    for cut in range(len(texts("a")) + 1, len(whole) - 2):
        path.write_bytes(whole[:cut])
        report = take(store, tmp_path)
        assert report.quarantined == 0
        assert report.warnings == (
            "a.jsonl line 2 is not complete yet and waits for the next time",
        )
    path.write_bytes(whole)
    assert take(store, tmp_path).stored == 1
    assert stored_texts(store) == ["a", "où? 😀"]


def test_a_last_line_that_can_become_nothing_does_not_wait(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(texts("a") + b'{"text": "b"}} ')
    assert take(store, tmp_path).quarantined == 1
    with path.open("ab") as file:
        file.write(b"\n" + texts("c"))
    assert take(store, tmp_path).seen == 1
    assert stored_texts(store) == ["a", "c"]


def test_text_behind_a_line_that_was_read_already_is_set_aside(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}')
    take(store, tmp_path)
    with path.open("ab") as file:
        file.write(b' {"text": "b"}\n' + texts("c"))
    assert take(store, tmp_path).quarantined == 1
    (fault,) = store.quarantine()
    assert str(fault).startswith("a.jsonl line 1: text follows a line that was read before its end")
    assert stored_texts(store) == ["a", "c"]


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(ANY_LINE, max_size=6), data=st.data())
def test_a_file_that_arrives_in_two_parts_gives_the_same_rows(lines, data):
    lines = [part.replace(b"\n", b" ").replace(b"\r", b" ") for part in lines]
    content = b"".join(part + b"\n" for part in lines)
    ends = [0, *(position + 1 for position, byte in enumerate(content) if byte == 10)]
    cut = data.draw(st.sampled_from(ends))
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open("sqlite://") as at_once,
        Store.open("sqlite://") as in_parts,
    ):
        path = Path(folder, "a.jsonl")
        path.write_bytes(content[:cut])
        take(in_parts, Path(folder), kind="pair")
        path.write_bytes(content)
        take(in_parts, Path(folder), kind="pair")
        take(at_once, Path(folder), kind="pair")
        assert rows_of(in_parts) == rows_of(at_once)
        assert in_parts.counts() == at_once.counts()


@settings(max_examples=60, deadline=None)
@given(
    contents=st.lists(st.text(min_size=1, max_size=5).filter(str.strip), max_size=4),
    data=st.data(),
    plain=st.booleans(),
)
def test_a_file_cut_anywhere_gives_the_same_rows(contents, data, plain):
    values = [content.replace("\0", "?") for content in contents]
    whole = "".join(json.dumps({"text": value}, ensure_ascii=plain) + "\n" for value in values)
    content = whole.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=3)))
    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        path = Path(folder, "a.jsonl")
        for cut in [*cuts, len(content)]:
            path.write_bytes(content[:cut])
            take(store, Path(folder))
        assert stored_texts(store) == values
        assert store.counts().quarantine == 0
