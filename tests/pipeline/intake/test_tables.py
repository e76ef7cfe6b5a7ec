"""Tables: Parquet and data sets are read like lines; a bad row spoils itself only."""

import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from made_files import (
    LENIENT,
    NOW,
    stored_texts,
    take,
)

from pipeline.intake import IntakeReport
from pipeline.store import Store
from training.faults import DataFault
from training.pairs import Pair

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def write_parquet(path: Path, **columns) -> None:
    parquet.write_table(pa.table(columns), path, row_group_size=2)


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
        (pa.array([Decimal("1704067200.5")]), 1704067200.5),
        (pa.array([1704067200500]), 1704067200.5),
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


def test_lists_of_texts_are_read_and_a_number_is_no_text(store, tmp_path):
    write_parquet(
        tmp_path / "a.parquet",
        id=pa.array([1.0, None]),
        query=["q", "r"],
        positive=pa.array([["a", "b"], ["c"]]),
        negative_1=["x", "y"],
    )
    report = take(store, tmp_path, "*.parquet", kind="pair")
    assert (report.seen, report.stored) == (2, 2)
    assert [(pair.query, pair.positive, pair.negative) for pair in store.pairs()] == [
        ("q", "a", "x"), ("q", "b", "x"), ("r", "c", "y"),
    ]  # fmt: skip
    assert [pair.id for pair in store.pairs()][:2] == ["1", "1#2"]
    write_parquet(tmp_path / "b.parquet", query=["q"], positive=pa.array([[1.5, 2.0]]))
    with pytest.raises(DataFault, match=r"the column 'positive' holds list<.*; it must hold texts"):
        take(store, tmp_path, "b.parquet", kind="pair")


def test_a_saved_data_set_is_read_by_folder_and_by_split(store, tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"query": ["a", "b"], "positive": ["x", "y"]})
    rows.save_to_disk(str(tmp_path / "pairs" / "one"))
    both = datasets.DatasetDict(train=rows.select([1]), test=rows.map(lambda _: {"positive": "z"}))
    both.save_to_disk(str(tmp_path / "both"))
    report = take(store, tmp_path, "pairs/*", kind="pair")
    assert (report.files, report.seen, report.stored) == (1, len(rows), 2)
    assert take(store, tmp_path, "pairs/*", kind="pair") == IntakeReport(unchanged=1)
    assert take(store, tmp_path, "both", kind="pair").known == 1
    assert take(store, tmp_path, "hf:both:test", kind="pair").stored == 2
    assert len(LENIENT.parse(tmp_path / "pairs" / "one", "pair", NOW)[0]) == 2
    with pytest.raises(DataFault, match=r"has no split 'dev'; name one of train, test, such as hf"):
        take(store, tmp_path, "hf:both:dev", kind="pair")


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
