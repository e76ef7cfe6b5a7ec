"""Tables: CSV, Parquet and hub data sets are read like lines; a bad row spoils itself only."""

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
    touch_later,
)

from pipeline.intake import Intake, IntakeReport
from pipeline.intake.tables import csv_rows
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


def test_every_row_of_a_large_csv_file_is_read_every_time(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"my lost card number {number} of the bank account" for number in range(60_000)]
    path.write_text("\n".join(["text", *rows]) + "\n")
    for _ in range(20):
        read = [row.content["text"] for row in csv_rows(path, "a.csv", ["text"], 1_000_000)]
        assert read == rows


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
        (b"query,query,positive\na,b,c\n", "duplicate column 'query'"),
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
