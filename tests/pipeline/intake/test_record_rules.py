"""Records: what is accepted, and the sentence that says what is wrong with all others."""

from datetime import timedelta
from pathlib import Path

import pytest
from made_files import (
    NOW,
    line,
    stored_texts,
    take,
    texts,
)

from pipeline.intake import Intake
from pipeline.intake.record_rules import shortened
from pipeline.store import Store
from training.pairs import Pair

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_pairs_are_read_with_all_they_hold(store, tmp_path):
    whole = {"id": 7, "query": "q", "positive": "p", "negative": "n", "source": "s", "group": 81}
    (tmp_path / "a.jsonl").write_bytes(
        line(**whole, timestamp="2024-01-01T02:00:00+02:00", more=[1])
        + line(query="q", positive="r")
    )
    report = take(store, tmp_path, kind="pair")
    assert (report.seen, report.stored, report.files) == (2, 2, 1)
    first, second = store.pairs()
    assert first == Pair("7", "q", "p", "n", "s", 1704067200.0, "81")
    assert (second.query, second.negative, second.source, second.timestamp) == ("q", "", "", None)
    assert second.group == ""


@pytest.mark.parametrize(
    ("written", "read"),
    [("a1", "a1"), (17, "17"), (17.0, "17"), (None, ""), ({"id": 3}, ""), ([1], ""), (True, "")],
)
def test_session_and_user_of_a_text_are_names_or_unknown(store, tmp_path, written, read):
    (tmp_path / "a.jsonl").write_bytes(line(text="a", session=written, user=written))
    assert take(store, tmp_path).quarantined == 0
    seen = store.traffic()[0]
    assert (seen.session, seen.user) == (read, read)


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
        (1704067200500, 1704067200.5),
        ("1704067200500", 1704067200.5),
        (1704067200000000, 1704067200.0),
        (1704067200000000000, 1704067200.0),
        ("1704067200.0", 1704067200.0),
        ("1.7040672e+09", 1704067200.0),
        (20240101, 1704067200.0),
        ("2024-01-01 00:00:00 UTC", 1704067200.0),
        ("1850-01-01", -3786825600.0),
        (None, None),
        ("", None),
        (" ", None),
    ],
)
def test_timestamps_are_iso_8601_or_numbers(store, tmp_path, written, seconds):
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
        (b'{"text": "a", "timestamp": 1e999}', "timestamp inf is in the future"),
        (b'{"text": "a", "timestamp": -1e999}', "timestamp -inf is out of range"),
        (b'{"text": "a", "timestamp": 1' + b"0" * 400 + b"}", "timestamp is a number ("),
        (
            b'{"text": "a", "timestamp": "soon"}',
            "timestamp is a text ('soon'); it must be ISO 8601",
        ),
        (b'{"text": "a", "timestamp": "2024-13-01"}', "timestamp is a text ('2024-13-01')"),
        (b'{"text": "a", "timestamp": true}', "timestamp is a truth value"),
        (b'{"text": "a", "timestamp": {}}', "timestamp is an object"),
        (b'{"text": "a", "timestamp": 1999999999999}', "timestamp 1999999999999 is in the future"),
        (
            b'{"text": "a", "timestamp": "2024-06-01T12:00:01Z"}',
            "is in the future; it may be at",
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


def test_values_in_messages_are_short_and_printable():
    for value in ["x" * 10**6, b"\xff\x00" * 100, "\ud800\0", ["x" * 100] * 100, {"a": {"b": {}}}]:
        shown = shortened(value)
        assert len(shown) < 150
        assert shown.isprintable()
        shown.encode()
