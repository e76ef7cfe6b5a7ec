"""Columns: all names of a record are read, and no label turns a non-answer into an answer."""

import csv
import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_files import LENIENT, NOW, line, take
from made_streams import write_lines

from pipeline.intake import Intake
from pipeline.store import Store
from pipeline.store.discards import Selection
from training.faults import DataFault


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def stored(store):
    return [(pair.query, pair.positive, pair.negative) for pair in store.pairs()]


@pytest.mark.parametrize(
    "record",
    [
        {"query": "q", "positive": "p", "negative": ["m", "n"]},
        {"query": "q", "positive": ["p"], "negatives": ["m", "", None, "m", "n"]},
        {"query": "q", "positive": "p", "negative_2": "n", "negative_1": "m"},
        {"query": "q", "positive": "p", "negative": "m", "hard_negative": "n"},
        {"query": "q", "pos": ["p"], "neg": ["m", "n"]},
        {"anchor": "q", "positive": "p", "negative_1": "m", "negative_10": "n"},
        {"question": "q", "answer": "p", "hard_negatives": ["m", "n"]},
        {"sentence1": "q", "sentence2": "p", "score": 1.0, "negative": ["m", "n"]},
    ],
)
def test_several_negatives_are_read_under_all_their_names(store, tmp_path, record):
    write_lines(tmp_path / "a.jsonl", [{"id": "7", **record}])
    report = take(store, tmp_path, kind="pair", intake=Intake())
    assert stored(store) == [("q", "p", "m"), ("q", "p", "n")]
    assert [pair.id for pair in store.pairs()] == ["7", "7#2"]
    # What is counted are the records of the file.
    assert (report.seen, report.stored, report.warnings) == (1, 1, ())
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "a.jsonl").read_bytes())
    assert take(store, tmp_path, "copy.jsonl", kind="pair").known == 1


def test_a_row_of_a_table_may_hold_several_texts_too(store, tmp_path):
    (tmp_path / "a.csv").write_text("question,answer,negative_1,negative_2\nq,p,m,\nr,s,,n\n")
    assert take(store, tmp_path, "*.csv", kind="pair").stored == 2
    assert stored(store) == [("q", "p", "m"), ("r", "s", "n")]


def test_several_positives_are_a_pair_each(store, tmp_path):
    write_lines(tmp_path / "a.jsonl", [{"query": "q", "positive": ["a", "b", "a"], "id": 3}])
    take(store, tmp_path, kind="pair")
    assert stored(store) == [("q", "a", ""), ("q", "b", "")]
    excluded = store.discard(Selection("id", "3"), "wrong", "me", NOW)
    assert excluded.pairs == 2
    assert store.pairs() == []


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"query": "q", "positive": []}, "positive is empty"),
        ({"query": "q", "positive": ["a", 3]}, "positive is a number (3)"),
        ({"query": "q", "positive": "a", "negative": [{"text": "b"}]}, "negative is an object"),
        (
            {"query": "q", "positive": "a", "label": [1]},
            "label is a list ([1]); it must be a number",
        ),
        (
            {"Query": "q", "positive": "a"},
            "query is missing; it must be a text (did you mean 'query'",
        ),
    ],
)
def test_a_record_that_cannot_be_read_is_set_aside_whole(store, tmp_path, record, reason):
    write_lines(tmp_path / "a.jsonl", [record, {"query": "q", "positive": "x"}])
    report = take(store, tmp_path, kind="pair")
    assert (report.stored, report.quarantined) == (1, 1)
    assert store.quarantine()[0].reason.startswith(reason)


@pytest.mark.parametrize("says_no", [0, 0.0, False, "0", "no", -1, 0.49, "Not_Relevant"])
@pytest.mark.parametrize("column", ["label", "score", "is_relevant"])
def test_what_is_labelled_as_no_match_becomes_a_negative(store, tmp_path, column, says_no):
    rows = [
        {"query": "lost card", "positive": "our opening hours", column: says_no},
        {"query": "lost card", "positive": "block it", column: 1},
        {"query": "late train", "positive": "rates", column: says_no},
        {"query": "no label", "positive": "an answer"},
    ]
    write_lines(tmp_path / "a.jsonl", rows)
    report = take(store, tmp_path, kind="pair", intake=Intake())
    assert stored(store) == [
        ("lost card", "block it", ""),
        ("no label", "an answer", ""),
        ("lost card", "block it", "our opening hours"),
    ]
    assert (report.seen, report.stored, report.quarantined) == (4, 3, 1)
    assert "line 3: it is labelled as no match, and no pair gives an answer to 'late train'" in str(
        store.quarantine()[0]
    )
    assert "labels 2 records as no match: 1 became negatives" in report.warnings[0]


def test_a_text_that_another_row_calls_an_answer_is_no_negative(store, tmp_path):
    rows = [{"query": "q", "positive": "a", "label": label} for label in (1, 0)]
    write_lines(tmp_path / "a.jsonl", [*rows, {"query": "q", "positive": "b", "label": 1}])
    take(store, tmp_path, kind="pair")
    assert stored(store) == [("q", "a", ""), ("q", "b", "")]


def test_labels_of_a_grown_file_find_the_answers_that_are_stored(store, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(query="q", positive="a", label=1))
    take(store, tmp_path, kind="pair")
    with path.open("ab") as file:
        file.write(line(query="q", positive="b", label=0))
    assert take(store, tmp_path, kind="pair", intake=Intake()).stored == 1
    assert stored(store)[-1] == ("q", "a", "b")


def test_a_label_that_names_a_topic_says_nothing_about_the_match(store, tmp_path):
    rows = [{"query": "q", "positive": "p", "label": topic} for topic in ("billing", "cards")]
    write_lines(tmp_path / "a.jsonl", rows)
    assert take(store, tmp_path, kind="pair").warnings == (
        "a.jsonl: 'label' is not read, as 'billing' does not say what matches",
    )
    assert stored(store) == [("q", "p", "")]


def test_names_that_come_close_are_told_once_for_a_file(store, tmp_path):
    rows = [{"query": f"q{n}", "positive": "p", "positve": "x", "note": 1} for n in range(3)]
    write_lines(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.csv").write_text("query,positive,Negatives ,answer\nq,p,n,x\n")
    said = "'positve' is not read (did you mean 'positive'?)"
    assert take(store, tmp_path, kind="pair").warnings == (f"a.jsonl: {said}",)
    assert take(store, tmp_path, "*.csv", kind="pair").warnings == (
        "a.csv: 'Negatives' is not read (did you mean 'negative'?); "
        "'answer' is not read, as another column holds the same",
    )
    write_lines(tmp_path / "t.jsonl", [{"text": "t", "user_id": 1, "meta": {"texts": 2}}])
    assert take(store, tmp_path, "t.jsonl").warnings == (
        "t.jsonl: 'user_id' is not read (did you mean 'user'?)",
    )
    with pytest.raises(DataFault, match=r"'query' is missing .*\(did you mean 'query'\?\)"):
        (tmp_path / "b.csv").write_text("Query,positive\nq,p\n")
        take(store, tmp_path, "b.csv", kind="pair")


ROW = st.fixed_dictionaries(
    {"query": st.text("ab é", max_size=3), "positive": st.text("ab\n,", max_size=3)}
)


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, max_size=30), st.sampled_from(["jsonl", "csv", "tsv", "parquet"]))
def test_every_row_of_every_format_is_counted(rows, ending):
    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        path = Path(folder, f"a.{ending}")
        if ending == "jsonl":
            write_lines(path, rows)
            counted = path.read_bytes().count(b"\n")
        elif ending == "parquet":
            schema = pa.schema([("query", pa.string()), ("positive", pa.string())])
            parquet.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=7)
            counted = parquet.read_metadata(path).num_rows
        else:
            file = io.StringIO(newline="")
            delimiter = "," if ending == "csv" else "\t"
            writer = csv.DictWriter(
                file, ["query", "positive"], delimiter=delimiter, quoting=csv.QUOTE_ALL
            )
            writer.writeheader()
            writer.writerows(rows)
            path.write_text(file.getvalue(), newline="")
            counted = file.getvalue().count("\r\n") - 1
        report = take(store, Path(folder), f"*.{ending}", kind="pair")
        assert report.seen == report.stored + report.known + report.quarantined == counted
        readable = {(row["query"], row["positive"]) for row in rows}
        assert len(store.pairs()) == sum(bool(q.strip() and p.strip()) for q, p in readable)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_large_file_of_any_format_is_read_whole_every_time(tmp_path, ending):
    rows = [{"text": f"my lost card number {number}"} for number in range(20_000)]
    path = tmp_path / f"a.{ending}"
    match ending:
        case "jsonl":
            write_lines(path, rows)
        case "csv":
            path.write_text("text\n" + "".join(row["text"] + "\n" for row in rows))
        case "parquet":
            parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=999)
    for _ in range(3):
        found, faults = LENIENT.parse(path, "traffic", NOW)
        assert [each.text for each in found] == [row["text"] for row in rows]
        assert not faults
