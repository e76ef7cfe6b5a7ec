"""Delimited text: every row counts once, in any dialect, and a stray quote cannot hide rows."""

import csv
import io
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import LENIENT, NOW, stored_texts, take, touch_later

from pipeline.intake import Intake, IntakeReport
from pipeline.intake.columns import Columns
from pipeline.intake.delimited import DelimitedRows
from pipeline.store import Store
from training.faults import DataFault
from training.pairs import Pair


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def parsed(folder: Path, content: str | bytes, kind="pair", name="a.csv", intake=LENIENT):
    """Return the records of a file with this content, and its faults by row."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, faults = intake.parse(path, kind, NOW)
    return found, {fault.line: fault.reason for fault in faults}


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


NUMBERED = [
    f"how do I reset card number {n},open settings and choose reset {n}" for n in range(200)
]


def with_rows(**changed: str) -> str:
    rows = [changed.get(f"row_{number + 2}", row) for number, row in enumerate(NUMBERED)]
    return "\n".join(["query,positive", *rows]) + "\n"


def test_a_quoted_field_that_is_never_closed_is_named_by_its_row(tmp_path):
    content = with_rows(row_152='which pipe fits,"adapter B')
    found, faults = parsed(tmp_path, content)
    assert len(found) == 150
    assert sorted(faults) == list(range(152, 202))
    assert "'which pipe fits,\"adapter B') is not closed before the end of the file" in faults[152]
    assert "swallowed the 49 lines that follow" in faults[152]
    assert faults[201] == "the line was swallowed by row 152, which is bad"
    with pytest.raises(DataFault, match=r"50 of 200 new records are bad.*a.csv row 152"):
        parsed(tmp_path, content, intake=Intake())


@pytest.mark.parametrize(
    ("closed_by", "said"),
    [
        ('which pipe fits,"adapter B"', "text follows the closing quotation mark"),
        ('which pipe fits,adapter 5"', "holds lines that are rows themselves"),
        ('the 5",adapter B', "the row has 3 columns"),
    ],
)
def test_a_stray_quote_that_another_one_closes_cannot_hide_rows(tmp_path, closed_by, said):
    content = with_rows(row_52='which adapter fits,"use the 5 inch one', row_152=closed_by)
    found, faults = parsed(tmp_path, content)
    assert len(found) == 99
    assert sorted(faults) == list(range(52, 153))
    assert said in faults[52]
    assert "swallowed the 100 lines that follow" in faults[52]
    with pytest.raises(DataFault, match=r"101 of 200 new records are bad.*a.csv row 52"):
        parsed(tmp_path, content, intake=Intake())


def test_text_after_a_closing_quote_spoils_its_own_row_only(tmp_path):
    content = 'query,positive\na,"x"y\nb,"5" pipe"\nc,say "hi" there\nd,"5"" pipe"\n'
    found, faults = parsed(tmp_path, content)
    assert [(pair.query, pair.positive) for pair in found] == [
        ("c", 'say "hi" there'),
        ("d", '5" pipe'),
    ]
    assert sorted(faults) == [2, 3]
    assert all("must be doubled" in reason for reason in faults.values())


def test_a_row_longer_than_memory_allows_ends_where_it_must(tmp_path):
    intake = Intake(max_bad_share=1.0, max_line_bytes=1_000)
    rows = ["a," + "b" * 2_000, 'c,"' + "d\n" * 600, "e,f", 'g,"h\ni"', ""]
    found, faults = parsed(tmp_path, "query,positive\n" + "\n".join(rows), intake=intake)
    assert [pair.query for pair in found] == ["e", "g"]
    assert "longer than 1000 bytes ('a,bbb" in faults[2]
    assert "longer than 1000 bytes" in faults[3]
    assert "swallowed the" in faults[3]
    with pytest.raises(DataFault, match="the header is longer than 1000 bytes"):
        parsed(tmp_path, "x" * 2_000 + ",query,positive\n", intake=intake)


def test_long_text_with_line_ends_is_no_mistake(tmp_path):
    answer = "\r\n".join(
        ["First, open the app.", "", 'Then choose "cards", and there:', "- one,"] * 9
    )
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["query", "positive"], ["a", answer], ["b", "c"]])
    found, faults = parsed(tmp_path, file.getvalue())
    assert [pair.positive for pair in found] == [answer, "c"]
    assert not faults


@pytest.mark.parametrize(
    "content",
    [
        "query;positive\na, b;c\n",
        "query\tpositive\na, b\tc\n",
        "query|positive\na, b|c\n",
        "sep=;\r\nquery;positive\r\na, b;c\r\n",
        '\ufeff"query";"positive"\n"a, b";"c"\n',
        'query, positive\r"a, b",c\r',
        "\ufeffother;positive;query\r\nx;c;a, b",
        'query, positive\n"a, b", "c"\n',
        'query,positive\n\n"a, b",c\n\n',
        '"other\nname",query,positive\n1,"a, b",c\n',
    ],
)
def test_any_dialect_is_read(tmp_path, content):
    (pair,), faults = parsed(tmp_path, content)
    assert (pair.query, pair.positive) == ("a, b", "c")
    assert not faults


def test_tabs_divide_a_tsv_file(tmp_path):
    found, _ = parsed(tmp_path, "text\na, b\n", kind="traffic", name="a.tsv")
    assert found[0].text == "a, b"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.csv: is empty; the first row must name the columns"),
        (b"\n\n", "a.csv: is empty"),
        (
            b"query,answers\na,b\n",
            r"the column 'positive' is missing \(there are: 'query', 'answers'\)",
        ),
        (b"query,query,positive\na,b,c\n", "duplicate column 'query'"),
        ("query,positive\na,b\n".encode("utf-16"), "a.csv: is written in UTF-16; save it as UTF-8"),
        ("query,positive\na,b\n".encode("utf-16-le"), "a.csv: the header holds NUL characters"),
        (b'"query,positive\na,b\n', "the quotation marks of the header do not match"),
        (
            b"query,positive\n" + "où,là\n".encode("latin-1") * 9,
            "9 of 9 .* bytes that are not UTF-8",
        ),
    ],
)
def test_a_csv_file_that_is_none_is_refused(store, tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataFault, match=message):
        take(store, tmp_path, "*.csv", kind="pair", intake=Intake())
    assert store.counts().seen == 0


def test_a_header_alone_holds_no_record(store, tmp_path):
    (tmp_path / "a.csv").write_text("query,positive")
    assert take(store, tmp_path, "*.csv", kind="pair", intake=Intake()) == IntakeReport(files=1)


@pytest.mark.parametrize("cut", ["d", 'd,"e', 'd,"e'])
def test_a_last_row_that_is_half_written_waits_until_it_is_whole(store, tmp_path, cut):
    path = tmp_path / "a.csv"
    path.write_text("query,positive\na,b\n" + cut)
    report = take(store, tmp_path, "*.csv", kind="pair", intake=Intake())
    assert (report.stored, report.quarantined) == (1, 0)
    assert report.warnings == ("a.csv row 3 is not complete yet and waits for the next time",)
    assert take(store, tmp_path, "*.csv", kind="pair") == IntakeReport(unchanged=1)
    path.write_text('query,positive\na,b\nd,"e"\n')
    report = take(store, tmp_path, "*.csv", kind="pair", intake=Intake())
    assert (report.stored, report.known, report.quarantined) == (1, 1, 0)
    assert [pair.positive for pair in store.pairs()] == ["b", "e"]


@pytest.mark.parametrize("kind", ["pair", "traffic"])
def test_a_last_row_that_was_read_half_written_is_replaced_by_the_whole_one(store, tmp_path, kind):
    path = tmp_path / "a.csv"
    whole = {
        "pair": ["id,query,positive", "1,a,b", "2,c,open sett"],
        "traffic": ["id,text", "1,a", "2,where is m"],
    }
    path.write_text("\n".join(whole[kind]))
    assert take(store, tmp_path, "*.csv", kind=kind, intake=Intake()).stored == 2
    with path.open("a") as file:
        file.write("ings\n3,d" + (",e\n" if kind == "pair" else "\n"))
    report = take(store, tmp_path, "*.csv", kind=kind, intake=Intake())
    assert (report.stored, report.known, report.quarantined) == (1, 2, 0)
    assert store.counts().stored == 3
    if kind == "pair":
        assert [pair.positive for pair in store.pairs()] == ["b", "open settings", "e"]
    else:
        assert stored_texts(store) == ["a", "where is mings", "d"]
    assert take(store, tmp_path, "*.csv", kind=kind) == IntakeReport(unchanged=1)


def test_a_last_row_without_line_end_that_others_follow_is_left_alone(store, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\na\nb")
    take(store, tmp_path, "*.csv")
    path.write_text("text\na\nb\nc")
    assert take(store, tmp_path, "*.csv").known == 2
    path.write_text("text\nx\ny\nz")
    assert take(store, tmp_path, "*.csv").stored == 3
    assert stored_texts(store) == ["a", "b", "c", "x", "y", "z"]


def test_a_last_row_without_its_end_waits_while_the_file_grows():
    content = b"query,positive\na,b\nd,only ha"
    for more, expected in ((b"", ["a", "d"]), (b"lf\n", ["a"])):
        file = io.BytesIO(content + more)
        read = DelimitedRows(file, len(content), "a.csv", Columns("pair"), max_row_bytes=1_000)
        assert [row.content["query"] for row in read] == expected
        assert bool(read.waiting) == bool(more)


def test_every_row_of_a_large_csv_file_is_read_every_time(tmp_path):
    rows = [f"my lost card number {number} of the bank account" for number in range(60_000)]
    content = "\n".join(["text", *rows]).encode() + b"\n"
    for _ in range(5):
        read = DelimitedRows(
            io.BytesIO(content), len(content), "a.csv", Columns("traffic"), max_row_bytes=1_000_000
        )
        assert [row.content["text"] for row in read] == rows


CELL = st.text(st.sampled_from("ab ,;\t|\"\n\r'\u00fc\u4f60"), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL), max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    form=st.sampled_from(
        [("\r\n", csv.QUOTE_MINIMAL), *((end, csv.QUOTE_ALL) for end in ("\n", "\r\n", "\r"))]
    ),
    marked=st.booleans(),
)
def test_as_many_rows_are_read_as_were_written(rows, delimiter, form, marked):
    ending, quoting = form
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    writer.writerows([("query", "positive"), *rows])
    content = file.getvalue().encode("utf-8-sig" if marked else "utf-8")
    # The second way of counting is another program's parser.
    counted = pd.read_csv(io.BytesIO(content), sep=delimiter, keep_default_na=False, dtype=str)
    assert len(counted) == len(rows)
    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        Path(folder, "a.csv").write_bytes(content)
        report = take(store, Path(folder), "*.csv", kind="pair")
        assert report.seen == len(rows)
        read = {(pair.query, pair.positive) for pair in store.pairs()}
        assert read == {row for row in rows if all(cell.strip() for cell in row)}


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab,"\n'), max_size=60), st.booleans())
def test_each_line_is_in_a_record_or_in_a_fault(body, complete):
    content = ("text,other\n" + body).encode()
    read = DelimitedRows(
        io.BytesIO(content),
        len(content),
        "a.csv",
        Columns("traffic"),
        max_row_bytes=1_000,
        complete=complete,
    )
    rows = list(read)
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    good = [row for row in rows if isinstance(row.content, dict)]
    if '"' not in body:
        lines = [line for line in body.split("\n") if line]
        assert len(rows) + bool(read.waiting) == len(lines)
        assert len(good) == sum(line.count(",") == 1 for line in lines)
