"""Records from the future: refused with the moment when that is over, then stored by themselves."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet
import pytest
from made_files import LENIENT, NOW, line, pairs, take, texts

from pipeline.intake import Intake
from pipeline.store import Store

TOMORROW = NOW + timedelta(days=2)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def dated(text: str, moment: datetime) -> bytes:
    return line(text=text, timestamp=moment.isoformat())


def test_a_record_from_the_future_comes_in_when_its_time_comes(store, tmp_path):
    content = texts("a") + dated("b", TOMORROW) + texts("c")
    (tmp_path / "a.jsonl").write_bytes(content)
    assert take(store, tmp_path).quarantined == 1
    (fault,) = store.quarantine()
    assert fault.reason.endswith("; it is read again from 2024-06-01T12:00:00Z")
    assert take(store, tmp_path, now=NOW + timedelta(hours=23)).seen == 0
    assert take(store, tmp_path, now=NOW + timedelta(hours=24)).stored == 1
    assert [each.text for each in store.traffic()] == ["a", "c", "b"]
    assert store.quarantine() == []
    counts = store.counts()
    assert (counts.stored, counts.quarantined) == (3, 0)
    assert counts.seen == counts.stored + counts.known
    assert take(store, tmp_path, now=NOW + timedelta(hours=25)).seen == 0


def test_only_what_is_due_leaves_the_quarantine(store, tmp_path):
    days = [dated(f"in {day} days", NOW + timedelta(days=day)) for day in (2, 3, 4)]
    (tmp_path / "a.jsonl").write_bytes(texts("a") + b"".join(days) + b"bad\n")
    take(store, tmp_path)
    for day, left in ((1, 3), (2, 2), (3, 1)):
        assert take(store, tmp_path, now=NOW + timedelta(days=day)).stored == 1
        assert len(store.quarantine()) == left
    assert store.quarantine()[0].reason.startswith("not JSON")
    assert [each.text for each in store.traffic()][-1] == "in 4 days"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_read_again_too(store, tmp_path, ending):
    rows = {"text": ["a", "b"], "timestamp": ["2024-01-01", TOMORROW.isoformat()]}
    if ending == "parquet":
        pa.parquet.write_table(pa.table(rows), tmp_path / "a.parquet")
    else:
        written = [",".join(rows), *map(",".join, zip(*rows.values(), strict=True))]
        (tmp_path / "a.csv").write_text("\n".join(written) + "\n", encoding="utf-8")
    assert take(store, tmp_path, f"*.{ending}").stored == 1
    assert take(store, tmp_path, f"*.{ending}", now=TOMORROW).stored == 1
    assert store.quarantine() == []


def test_pairs_and_lines_of_a_log_are_read_again_too(store, tmp_path):
    later = TOMORROW.isoformat()
    (tmp_path / "p.jsonl").write_bytes(
        pairs(1) + line(id="2", query="q", positive="p", timestamp=later)
    )
    (tmp_path / "l.jsonl").write_bytes(
        line(query="a") + line(query="b", timestamp=later, results=[{"id": "d"}])
    )
    patterns = {"pairs": ["p.jsonl"], "log": ["l.jsonl"]}
    first = LENIENT.read_all(store, patterns, tmp_path, NOW)
    assert (first.pairs.quarantined, first.log.quarantined) == (1, 1)
    later = LENIENT.read_all(store, patterns, tmp_path, TOMORROW)
    assert (later.pairs.stored, later.log.stored) == (1, 1)
    assert store.quarantine() == []


def test_a_clock_that_was_behind_loses_nothing(store, tmp_path):
    content = b"".join(dated(f"text {n}", NOW - timedelta(hours=n)) for n in range(20))
    (tmp_path / "a.jsonl").write_bytes(content)
    behind = NOW - timedelta(hours=19 + 24)
    assert take(store, tmp_path, intake=LENIENT, now=behind).quarantined == 19
    assert take(store, tmp_path, intake=Intake(), now=NOW).stored == 19
    assert take(store, tmp_path, intake=Intake(), now=behind).seen == 0
    assert store.count_traffic() == 20


def test_what_no_clock_will_show_is_never_read_again(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(texts("a") + b'{"text": "b", "timestamp": 1e300}\n')
    take(store, tmp_path)
    assert "read again" not in store.quarantine()[0].reason
    last = datetime(9999, 12, 31, tzinfo=UTC)
    assert take(store, tmp_path, now=last).seen == 0
