"""Files of records for tests of intake, and what became of them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import strategies as st

from pipeline.intake import Intake, IntakeReport
from pipeline.store import Store

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
LENIENT = Intake(max_bad_share=1.0)


def line(**values) -> bytes:
    """Return one record as a line of JSON."""
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def texts(*contents: str) -> bytes:
    """Return a line of traffic per text."""
    return b"".join(line(text=content) for content in contents)


def pairs(*numbers: int) -> bytes:
    """Return a line with a labelled pair per number."""
    return b"".join(line(id=str(n), query=f"query {n}", positive=f"answer {n}") for n in numbers)


def take(
    store: Store, folder: Path, pattern="*.jsonl", kind="traffic", intake=LENIENT, **more
) -> IntakeReport:
    """Take in the files of one pattern."""
    role, now = more.get("role", "recent"), more.get("now", NOW)
    return intake.read(store, kind, role, [pattern], folder, now)


def stored_texts(store: Store) -> list[str]:
    """Return the texts in the store, oldest first."""
    return [each.text for each in store.traffic()]


def touch_later(path: Path, seconds: int = 5) -> None:
    """Move the time of a file's last change ahead."""
    later = path.stat().st_mtime_ns + seconds * 10**9
    os.utime(path, ns=(later, later))


def rows_of(store: Store) -> list[tuple]:
    """Return all pairs and faults in the store."""
    kept = [(pair.id, pair.query, pair.positive, pair.negative) for pair in store.pairs()]
    return [*kept, *((fault.line, fault.reason) for fault in store.quarantine())]


ANY_LINE = st.one_of(
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
ANY_FILE = st.builds(
    lambda lines, last: b"\n".join(lines) + last,
    st.lists(ANY_LINE, max_size=8),
    st.sampled_from([b"", b"\n"]),
)
"""Bytes, good and bad records: any line, or file, that people may hand in."""
