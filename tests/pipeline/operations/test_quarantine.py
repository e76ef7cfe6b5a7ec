"""The quarantine: each refused record is listed with its place and reason, newest first."""

import pytest
from made_files import LENIENT, NOW, pairs, texts

from pipeline.operations.quarantine import quarantined
from pipeline.reports.lines import lines_of
from pipeline.store import Store
from training.faults import DataFault


@pytest.fixture
def store(tmp_path):
    (tmp_path / "pairs.jsonl").write_bytes(pairs(*range(9)) + b"bad\n" + pairs(1))
    (tmp_path / "traffic.jsonl").write_bytes(b"7\n" + texts(*(["a text"] * 30), "\0"))
    with Store.open("sqlite://") as opened:
        patterns = {key: [f"{key}.jsonl"] for key in ("pairs", "traffic")}
        LENIENT.read_all(opened, patterns, tmp_path, NOW)
        yield opened


def test_refused_records_are_listed_with_place_and_reason_newest_first(store):
    found = quarantined(store, None, limit=20)
    places = [(each.file, each.line) for each in found.records]
    assert places == [("pairs.jsonl", 10), ("traffic.jsonl", 32), ("traffic.jsonl", 1)]
    assert "NUL" in found.records[1].reason
    assert [(each.file, each.seen, each.quarantined) for each in found.files] == [
        ("pairs.jsonl", 11, 1),
        ("traffic.jsonl", 32, 2),
    ]


def test_those_of_one_file_may_be_asked_for_and_the_sum_stays_that_of_all(store):
    found = quarantined(store, "traffic.jsonl", limit=1)
    assert [each.line for each in found.records] == [32]
    assert found.read == quarantined(store, None, limit=1).read


def test_a_person_is_told_the_sum_and_how_many_are_not_listed(store):
    told = list(lines_of(quarantined(store, None, limit=2)))
    assert told[0] == "43 records read = 39 stored + 1 known before + 3 in quarantine"
    assert told[3].startswith("  pairs.jsonl:10: not JSON")
    assert told[-1] == "  and 1 more (--limit)"


def test_a_file_that_was_not_read_is_named(store):
    with pytest.raises(DataFault, match=r"june\.jsonl: no file of this name was read"):
        quarantined(store, "june.jsonl", limit=1)
