"""Intake: every record is stored, known or in quarantine, once, whatever is in the files."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.intake.intake import Intake, IntakeReport
from pipeline.intake.json_lines import JsonLines
from pipeline.intake.record_rules import shortened
from pipeline.store.records import FileProgress
from pipeline.store.store import Store
from training.faults import DataFault
from training.pairs.pair import Pair

ROOT = Path(__file__).parents[3]
NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
LENIENT = Intake(max_bad_share=1.0)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def line(**values) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def texts(*contents: str) -> bytes:
    return b"".join(line(text=content) for content in contents)


def pairs(*numbers: int) -> bytes:
    return b"".join(line(id=str(n), query=f"query {n}", positive=f"answer {n}") for n in numbers)


def take(store, folder, pattern="*.jsonl", kind="traffic", role="recent", intake=LENIENT, now=NOW):
    return intake.read(store, kind, role, [pattern], folder, now)


def stored_texts(store) -> list[str]:
    return [each.text for each in store.traffic()]


def touch_later(path: Path, seconds: int = 5) -> None:
    later = path.stat().st_mtime_ns + seconds * 10**9
    os.utime(path, ns=(later, later))


# What is accepted


def test_pairs_are_read_with_all_they_hold(store, tmp_path):
    whole = {"id": 7, "query": "q", "positive": "p", "negative": "n", "source": "s"}
    (tmp_path / "a.jsonl").write_bytes(
        line(**whole, timestamp="2024-01-01T02:00:00+02:00", more=[1])
        + line(query="q", positive="r")
    )
    report = take(store, tmp_path, kind="pair")
    assert (report.seen, report.stored, report.files) == (2, 2, 1)
    first, second = store.pairs()
    assert first == Pair("7", "q", "p", "n", "s", 1704067200.0)
    assert (second.query, second.negative, second.source, second.timestamp) == ("q", "", "", None)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2024-01-01T00:00:00Z", 1704067200.0),
        ("2024-01-01 00:00", 1704067200.0),
        ("2024-01-01", 1704067200.0),
        ("20240101", 1704067200.0),
        ("2024-03-31T02:30:00+01:00", 1711848600.0),
        ("2023-12-31T19:00:00.5-05:00", 1704067200.5),
        (1704067200, 1704067200.0),
        (1704067200.25, 1704067200.25),
        ("1704067200", 1704067200.0),
        (-86400, -86400.0),
        ("1850-01-01", -3786825600.0),
        (None, None),
        ("", None),
        (" ", None),
    ],
)
def test_timestamps_are_iso_8601_or_seconds(store, tmp_path, written, seconds):
    (tmp_path / "a.jsonl").write_bytes(line(text="a", timestamp=written))
    take(store, tmp_path)
    assert store.traffic()[0].timestamp == seconds


def test_a_timestamp_a_little_ahead_is_accepted(store, tmp_path):
    ahead = (NOW + timedelta(hours=23)).isoformat()
    (tmp_path / "a.jsonl").write_bytes(line(text="a", timestamp=ahead))
    assert take(store, tmp_path, now=NOW.replace(tzinfo=None)).stored == 1


def test_dates_out_of_order_keep_the_order_of_the_file(store, tmp_path):
    days = ["2024-05-03", "2024-05-01", "2024-05-02"]
    (tmp_path / "a.jsonl").write_bytes(b"".join(line(text=day, timestamp=day) for day in days))
    take(store, tmp_path)
    assert stored_texts(store) == days


def test_a_query_may_have_several_positives(store, tmp_path):
    content = line(query="q", positive="a") + line(query="Q!", positive="b")
    (tmp_path / "a.jsonl").write_bytes(content)
    assert take(store, tmp_path, kind="pair").stored == 2


def test_marks_blank_lines_and_windows_line_ends_are_no_fault(store, tmp_path):
    content = b"\xef\xbb\xbf" + b'{"text": "a"}\r\n\r\n  \n{"text": "b"}\r\n{"text": "c"}'
    (tmp_path / "a.jsonl").write_bytes(content)
    assert take(store, tmp_path) == IntakeReport(files=1, stored=3)
    assert stored_texts(store) == ["a", "b", "c"]


def test_files_are_read_in_the_order_of_their_names_and_folders_are_searched(store, tmp_path):
    for name in ("b.jsonl", "a.jsonl", "deep/er/c.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(texts(name))
    take(store, tmp_path, "**/*.jsonl")
    assert stored_texts(store) == ["a.jsonl", "b.jsonl", "deep/er/c.jsonl"]
    files = [row.file for row in store.counts().files]
    assert files == ["a.jsonl", "b.jsonl", "deep/er/c.jsonl"]


def test_a_file_named_twice_is_read_once(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(texts("a", "a"))
    patterns = ["a.jsonl", "*.jsonl", "./a.jsonl", str(tmp_path / "a.jsonl")]
    assert LENIENT.read(store, "traffic", "recent", patterns, tmp_path, NOW).files == 1
    assert store.count_traffic() == 2


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


# What is bad, one record at a time


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "not JSON: expected value at column 1 ('hello'); each line must be one JSON"),
        (b'{"text": "a"} x', "not JSON: trailing characters at column 15"),
        (b'{"text": "a"}{"text": "b"}', "not JSON: trailing characters"),
        (b'{"text": "\xff"}', "not JSON: invalid unicode code point"),
        (b'{"text": "\\ud800"}', "not JSON: unexpected end of hex escape"),
        (b'{"text": "a\x00b"}', "not JSON: control character"),
        (b"\x00\x00\x00", "not JSON: expected value"),
        ("{}".encode("utf-16"), "not JSON"),
        (b'{"text": ' + b"[" * 100_000, "not JSON: recursion limit exceeded"),
        (b'{"text": "a", "x": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}", "recursion limit"),
        (b'{"text": ' + b"1" * 5_000 + b"}", "not JSON: number out of range"),
        (b'{"text": ' + b"1" * 4_300 + b"}", "text is a number ("),
        (b"[1, 2]", "the line is [1, 2], not an object"),
        (b"null", "the line is None, not an object"),
        (b'"text"', "the line is 'text', not an object"),
        (b"{}", "text is missing; it must be a text"),
        (b'{"text": null}', "text is null; it must be a text"),
        (b'{"text": 5}', "text is a number (5); it must be a text"),
        (b'{"text": true}', "text is a truth value (True); it must be a text"),
        (b'{"text": ["a"]}', "text is a list (['a']); it must be a text"),
        (b'{"text": {"a": 1}}', "text is an object ({'a': 1}); it must be a text"),
        (b'{"text": ""}', "text is empty; it must hold something to read"),
        (b'{"text": " \\n\xc2\xa0"}', "text is blank (' \\n\\xa0'); it must hold something"),
        (b'{"text": "a\\u0000b"}', "text holds a NUL character ('a\\x00b')"),
        (b'{"text": "' + b"a" * 200 + b'"}', "text has 200 characters ("),
        (b'{"text": "' + b"a" * 2_000 + b'"}', "the line is longer than 1000 bytes ("),
        (b'{"text": "a", "text": "b"}', "duplicate key 'text'; a key may appear once"),
        (b'{"text": "a", "te\\u0078t": "b"}', "duplicate key 'text'"),
        (b'{"text": "a", "id": 1.5}', "id is a number (1.5); it must be a text"),
        (b'{"text": "a", "id": true}', "id is a truth value (True)"),
        (b'{"text": "a", "id": [1]}', "id is a list ([1])"),
        (b'{"text": "a", "id": "a\\u0000"}', "id holds a NUL character"),
        (b'{"text": "a", "id": "' + b"a" * 501 + b'"}', "id has 501 characters ("),
        (b'{"text": "a", "source": 5}', "source is a number (5)"),
        (b'{"text": "a", "timestamp": NaN}', "timestamp nan is out of range"),
        (b'{"text": "a", "timestamp": 1e999}', "timestamp inf lies in the future"),
        (b'{"text": "a", "timestamp": -1e999}', "timestamp -inf is out of range"),
        (b'{"text": "a", "timestamp": 1' + b"0" * 400 + b"}", "timestamp is a number ("),
        (
            b'{"text": "a", "timestamp": "soon"}',
            "timestamp is a text ('soon'); it must be ISO 8601",
        ),
        (b'{"text": "a", "timestamp": "2024-13-01"}', "timestamp is a text ('2024-13-01')"),
        (b'{"text": "a", "timestamp": true}', "timestamp is a truth value"),
        (b'{"text": "a", "timestamp": {}}', "timestamp is an object"),
        (b'{"text": "a", "timestamp": 1717200000000}', "(seconds, not milliseconds)"),
        (
            b'{"text": "a", "timestamp": "2024-06-01T12:00:01Z"}',
            "lies in the future; it may lie at",
        ),
    ],
)
def test_a_bad_line_is_set_aside_with_its_reason(store, tmp_path, content, reason):
    lines = texts("before") + content + b"\n" + texts("after")
    (tmp_path / "a.jsonl").write_bytes(lines)
    limits = {"max_line_bytes": 1_000, "max_text_characters": 100}
    if len(content) > 1_000 and "longer" not in reason:
        limits["max_line_bytes"] = 1_000_000
    report = take(store, tmp_path, intake=Intake(max_bad_share=0.5, **limits))
    assert (report.stored, report.quarantined) == (2, 1)
    assert stored_texts(store) == ["before", "after"]
    (fault,) = store.quarantine()
    assert (fault.file, fault.line) == ("a.jsonl", 2)
    assert reason in fault.reason
    assert len(fault.reason) < 250
    assert str(fault) == f"a.jsonl line 2: {fault.reason}"
    assert report.warnings == (f"a.jsonl: 1 of 3 records went into quarantine; the first: {fault}",)


@pytest.mark.parametrize("key", ["query", "positive"])
def test_a_pair_needs_both_texts(store, tmp_path, key):
    values = {"query": "q", "positive": "p"}
    (tmp_path / "a.jsonl").write_bytes(line(**{**values, key: ""}))
    take(store, tmp_path, kind="pair")
    assert store.quarantine()[0].reason == f"{key} is empty; it must hold something to read"


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


# Files as a whole


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("none.jsonl", r"none.jsonl: No such file or directory; it must name a readable file"),
        ("folder", r"folder: is a folder; name its files, such as folder/\*.jsonl"),
        ("notes.txt", r"notes.txt: ends in '.txt'; it must be one of .jsonl, .ndjson, .csv"),
        ("*.txt", r"notes.txt: ends in '.txt'"),
        ("plain", r"plain: ends in 'nothing'; it must be one of"),
        ("pipe.jsonl", r"pipe.jsonl: is neither a file nor a link to one"),
        ("broken.jsonl", r"broken.jsonl: No such file"),
        ("a\0b.jsonl", r"the file name .* holds bytes or characters that cannot be shown"),
        ("*\udcff.jsonl", r"the file name '.udcff.jsonl' holds bytes or characters"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(store, tmp_path, pattern, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "plain").touch()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "broken.jsonl").symlink_to("nowhere")
    (tmp_path / "\udcff.jsonl").touch()
    with pytest.raises(DataFault, match=message):
        take(store, tmp_path, pattern)


def test_a_pattern_that_matches_nothing_yet_is_no_fault(store, tmp_path):
    assert take(store, tmp_path, "pairs/*.jsonl", kind="pair") == IntakeReport()
    (tmp_path / "folder.jsonl").mkdir()
    assert take(store, tmp_path) == IntakeReport()


def test_history_must_hold_something_once(store, tmp_path):
    with pytest.raises(DataFault, match=r"history \(\*.jsonl\) holds no record"):
        take(store, tmp_path, kind="pair", role="history")
    path = tmp_path / "a.jsonl"
    path.touch()
    with pytest.raises(DataFault, match="holds no record"):
        take(store, tmp_path, kind="pair", role="history")
    path.write_bytes(pairs(1))
    assert take(store, tmp_path, kind="pair", role="history").stored == 1
    path.unlink()
    assert take(store, tmp_path, kind="pair", role="history").stored == 0


def test_a_wildcard_in_a_real_name_is_no_wildcard(store, tmp_path):
    (tmp_path / "a[1].jsonl").write_bytes(texts("a"))
    assert take(store, tmp_path, "a[1].jsonl").stored == 1


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


# Files that change


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


# Tables


def write_parquet(path: Path, **columns) -> None:
    parquet.write_table(pa.table(columns), path, row_group_size=2)


def test_csv_is_read_like_lines(store, tmp_path):
    content = (
        "\ufeffid,query,positive,other,timestamp\r\n"
        '1,"a ""quoted"", query","two\nlines",x,2024-01-01\r\n'
        "2,où,NULL,y,1704067200\r\n"
        "3,,p,z,\r\n"
        "4,q,p\r\n"
        "5,q,p,z,soon"
    )
    (tmp_path / "a.csv").write_bytes(content.encode())
    report = take(store, tmp_path, "*.csv", kind="pair")
    assert (report.stored, report.quarantined) == (2, 3)
    assert store.pairs() == [
        Pair("1", 'a "quoted", query', "two\nlines", timestamp=1704067200.0),
        Pair("2", "où", "NULL", timestamp=1704067200.0),
    ]
    faults = {fault.line: str(fault) for fault in store.quarantine()}
    assert faults[4] == "a.csv row 4: query is empty; it must hold something to read"
    assert faults[5].startswith(
        "a.csv row 5: the row has 3 columns ('4,q,p'), but the header has 5"
    )
    assert faults[6].startswith("a.csv row 6: timestamp is a text ('soon')")


def test_a_csv_row_that_is_not_utf_8_spoils_itself_only(store, tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,x\na,\xff\n\xff,b\nb\x00,c\nd,e\n")
    report = take(store, tmp_path, "*.csv")
    assert stored_texts(store) == ["a", "d"]
    assert report.quarantined == 2
    assert "text holds bytes that are not UTF-8" in store.quarantine()[1].reason
    assert "NUL" in store.quarantine()[0].reason


def test_a_grown_csv_file_adds_its_new_rows(store, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\na\na\n")
    take(store, tmp_path, "*.csv")
    assert take(store, tmp_path, "*.csv") == IntakeReport(unchanged=1)
    with path.open("a") as file:
        file.write("b\n")
    report = take(store, tmp_path, "*.csv")
    assert (report.stored, report.known) == (1, 2)
    touch_later(path)
    assert take(store, tmp_path, "*.csv") == IntakeReport(files=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as CSV: Empty CSV file"),
        (
            b"query,answer\na,b\n",
            r"the column 'positive' is missing \(there are: 'query', 'answer'\)",
        ),
        (b"query,query,positive\na,b,c\n", "the column 'query' stands twice"),
        (b"\xff\xfe,positive\na,b\n", "a.csv: "),
        (b"query,positive\na," + b"b" * 20_000 + b"\n", "cannot be read as CSV: straddling"),
        (b'query,positive\na,"' + b"b\n" * 20_000, "cannot be read as CSV"),
    ],
)
def test_a_csv_file_that_is_none_is_refused(store, tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataFault, match=message):
        take(store, tmp_path, "*.csv", kind="pair", intake=Intake(max_line_bytes=10_000))
    assert store.counts().seen == 0


def test_parquet_is_read_like_lines(store, tmp_path):
    moment = datetime(2024, 1, 1, 0, 0, 0, 500_000)
    write_parquet(
        tmp_path / "a.parquet",
        id=[1, None, 3, 4],
        query=pa.array(["a", "b", None, "d"]).dictionary_encode(),
        positive=pa.array(["x", "y", "z", "\0"], pa.large_string()),
        timestamp=pa.array([moment, None, None, None], pa.timestamp("ns", "Europe/Paris")),
        other=[[1], [2], None, []],
    )
    report = take(store, tmp_path, "*.parquet", kind="pair")
    assert (report.stored, report.quarantined) == (2, 2)
    assert store.pairs()[0] == Pair("1", "a", "x", timestamp=1704067200.5)
    assert [str(fault)[:18] for fault in store.quarantine()] == [
        "a.parquet row 4: p",
        "a.parquet row 3: q",
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([date(2024, 1, 1)]), 1704067200.0),
        (pa.array([date(2024, 1, 1)], pa.date64()), 1704067200.0),
        (pa.array([datetime(2024, 1, 1)], pa.timestamp("s")), 1704067200.0),
        (pa.array([1704067200]), 1704067200.0),
        (pa.array([1704067200.5]), 1704067200.5),
        (pa.array(["2024-01-01T00:00:00Z"]), 1704067200.0),
        (pa.array([None], pa.null()), None),
        (pa.array([float("nan")]), "timestamp nan is out of range"),
        (pa.array([Decimal("1.5")]), "timestamp is of type Decimal"),
        (pa.array([[1]]), "timestamp is a list ([1])"),
    ],
)
def test_parquet_moments_of_every_type_are_understood(store, tmp_path, values, expected):
    write_parquet(tmp_path / "a.parquet", text=["a"], timestamp=values)
    take(store, tmp_path, "*.parquet")
    if isinstance(expected, str):
        assert expected in store.quarantine()[0].reason
    else:
        assert store.traffic()[0].timestamp == expected


def test_a_parquet_text_that_is_not_utf_8_spoils_itself_only(store, tmp_path):
    raw = pa.array([b"a", b"\xff", b"c"])
    damaged = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    write_parquet(tmp_path / "a.parquet", text=damaged)
    take(store, tmp_path, "*.parquet")
    assert stored_texts(store) == ["a", "c"]
    assert "not UTF-8" in store.quarantine()[0].reason


def test_a_parquet_file_that_is_none_is_refused(store, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 this is none PAR1")
    with pytest.raises(DataFault, match=r"a.parquet: cannot be read as Parquet"):
        take(store, tmp_path, "*.parquet")
    write_parquet(path, text=[1, 2])
    with pytest.raises(DataFault, match=r"a.parquet: the column 'text' holds int64; it must hold"):
        take(store, tmp_path, "*.parquet")
    write_parquet(path, query=["a"])
    with pytest.raises(DataFault, match=r"the column 'text' is missing \(there are: 'query'\)"):
        take(store, tmp_path, "*.parquet")
    assert store.counts().seen == 0


def test_a_damaged_parquet_file_never_raises_anything_else(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, text=[f"text {number}" for number in range(50)])
    whole = path.read_bytes()
    chance = random.Random(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        try:
            found, faults = LENIENT.parse(path, "traffic", NOW)
        except DataFault as fault:
            assert "a.parquet" in str(fault)
        else:
            assert len(found) + len(faults) <= 50


def test_a_hub_data_set_is_read_once(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "hub").mkdir()
    write_parquet(
        tmp_path / "hub" / "train.parquet", query=["a", ""], positive=["b", "c"], x=[1, 2]
    )
    report = take(store, tmp_path, "hf:hub", kind="pair")
    assert (report.stored, report.quarantined) == (1, 1)
    assert str(store.quarantine()[0]).startswith("hf:hub row 2: query is empty")
    assert take(store, tmp_path, "hf:hub:train", kind="pair").known == 1
    assert take(store, tmp_path, "hf:hub", kind="pair") == IntakeReport(unchanged=1)
    with pytest.raises(DataFault, match=r"hf:hub: the column 'text' is missing"):
        take(store, tmp_path, "hf:hub")
    with pytest.raises(DataFault, match=r"hf:hub:none: cannot be read as a data set"):
        take(store, tmp_path, "hf:hub:none", kind="pair")


# Without a store


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


def test_values_in_messages_are_short_and_printable():
    for value in ["x" * 10**6, b"\xff\x00" * 100, "\ud800\0", ["x" * 100] * 100, {"a": {"b": {}}}]:
        shown = shortened(value)
        assert len(shown) < 150
        assert shown.isprintable()
        shown.encode()


# Always


LINES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda values: json.dumps(values).encode(),
        st.dictionaries(
            st.sampled_from(["id", "query", "positive", "negative", "source", "timestamp", "x"]),
            st.one_of(
                st.text(max_size=6),
                st.integers(),
                st.floats(),
                st.none(),
                st.booleans(),
                st.lists(st.integers(), max_size=2),
            ),
        ),
    ),
    st.builds(
        lambda number, text: line(id=str(number), query="q", positive=text)[:-1],
        st.integers(0, 3),
        st.text("ab ", max_size=2),
    ),
)
FILES = st.builds(
    lambda lines, last: b"\n".join(lines) + last,
    st.lists(LINES, max_size=8),
    st.sampled_from([b"", b"\n"]),
)


def rows_of(store) -> list[tuple]:
    kept = [(pair.id, pair.query, pair.positive, pair.negative) for pair in store.pairs()]
    return [*kept, *((fault.line, fault.reason) for fault in store.quarantine())]


@settings(max_examples=300, deadline=None)
@given(
    content=FILES, share=st.sampled_from([0.0, 0.3, 1.0]), ending=st.sampled_from(["jsonl", "csv"])
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


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(LINES, max_size=6), data=st.data())
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
