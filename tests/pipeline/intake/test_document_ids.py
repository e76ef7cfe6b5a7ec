"""Ids of documents in pairs: joined with their texts, refused by name, never taken for texts."""

import pyarrow as pa
import pyarrow.parquet
import pytest
from made_files import LENIENT, NOW, line

from pipeline.intake import Intake
from pipeline.store import Record, Store
from training.faults import DataFault
from training.unlabelled import Document

CARDS = Document("d1", "Call us.", "Lost cards")
LOANS = Document("d2", "We lend.")


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def hold(store, *documents) -> None:
    store.add("document", "recent", [Record(each) for each in documents or (CARDS, LOANS)])


def read(store, folder, content, name="a.jsonl", intake=LENIENT):
    data = content if isinstance(content, bytes) else b"".join(line(**each) for each in content)
    (folder / name).write_bytes(data)
    return intake.read(store, "pair", "recent", [name], folder, NOW)


def positives(store) -> list[str]:
    return [pair.positive for pair in store.pairs()]


def pair(positive, **more):
    return {"query": f"about {positive}", "positive": positive, **more}


def reasons(store) -> list[str]:
    return [str(fault) for fault in store.quarantine()[::-1]]


def test_ids_are_joined_with_the_title_and_text_of_their_documents(store, tmp_path):
    hold(store)
    report = read(store, tmp_path, [pair("d1", negative="d2"), pair("d2")])
    assert [(each.positive, each.negative) for each in store.pairs()] == [
        ("Lost cards Call us.", "We lend."),
        ("We lend.", ""),
    ]
    assert "a.jsonl names documents in 2 positives, joined with their texts" in report.warnings


def test_an_unknown_id_is_refused_by_name_and_never_stored_as_text(store, tmp_path):
    hold(store)
    report = read(store, tmp_path, [pair("d1"), pair("x9"), pair("d1", negative="d77")])
    assert (report.stored, report.quarantined) == (1, 2)
    assert reasons(store) == [
        "a.jsonl line 2: positive names document 'x9', which data.corpus does not hold",
        "a.jsonl line 3: negative names document 'd77', which data.corpus does not hold",
    ]
    with pytest.raises(DataFault, match=r"2 of 3 new records are bad.*names document 'x9'"):
        read(store, tmp_path, [pair("d2"), pair("x9"), pair("x8")], "b.jsonl", Intake())


def test_an_unknown_id_alone_is_no_text(store, tmp_path):
    hold(store)
    assert read(store, tmp_path, [pair("x9")]).quarantined == 1
    assert store.pairs() == []


@pytest.mark.parametrize(
    "columns",
    [{"positive_id": "d1"}, {"doc_id": "d1"}, {"positive_ids": ["d1"]}, {"corpus_id": "d1"}],
)
def test_columns_of_ids_are_read_where_there_is_no_text(store, tmp_path, columns):
    hold(store)
    read(store, tmp_path, [{"query": "q", **columns, "negative_id": "d2"}])
    (found,) = store.pairs()
    assert (found.positive, found.negative) == ("Lost cards Call us.", "We lend.")


def test_a_text_counts_more_than_the_id_beside_it(store, tmp_path):
    hold(store)
    read(store, tmp_path, [{"query": "q", "positive": "A passage of it.", "doc_id": "x9"}])
    assert positives(store) == ["A passage of it."]


def test_columns_of_ids_without_documents_are_told_the_way_out(store, tmp_path):
    assert read(store, tmp_path, [{"query": "q", "positive_id": "d1"}]).quarantined == 1
    assert "there are no documents; name them in data.corpus" in reasons(store)[0]


def test_ids_are_read_from_tables_and_as_numbers(store, tmp_path):
    hold(store, Document("7", "Call us."), Document("8", "We lend."))
    read(store, tmp_path, b"query,positive,negative_id\nq,7,8\n", "a.csv")
    table = pa.table({"query": ["r", "s"], "positive": [7, None], "doc_id": [None, 8]})
    pa.parquet.write_table(table, tmp_path / "b.parquet")
    LENIENT.read(store, "pair", "recent", ["b.parquet"], tmp_path, NOW)
    read(store, tmp_path, [{"query": "t", "positive": 8, "negative": [7]}], "c.jsonl")
    assert [(each.query, each.positive, each.negative) for each in store.pairs()] == [
        ("q", "Call us.", "We lend."),
        ("r", "Call us.", ""),
        ("s", "We lend.", ""),
        ("t", "We lend.", "Call us."),
    ]


def test_a_record_with_one_unknown_id_among_several_is_refused_whole(store, tmp_path):
    hold(store)
    assert read(store, tmp_path, [pair(["d1", "d3"])]).quarantined == 1
    assert store.pairs() == []


def test_a_label_that_refuses_a_document_makes_it_a_negative(store, tmp_path):
    hold(store)
    rows = [{"query": "q", "doc_id": "d1", "label": 1}, {"query": "q", "doc_id": "d2", "label": 0}]
    read(store, tmp_path, rows)
    assert [(each.positive, each.negative) for each in store.pairs()] == [
        ("Lost cards Call us.", ""),
        ("Lost cards Call us.", "We lend."),
    ]


def test_texts_that_happen_to_be_ids_stay_texts_among_texts(store, tmp_path):
    hold(store, Document("42", "The answer."), Document("Paris", "A city."))
    texts = ["It is a long story.", "Nobody knows for sure.", "Ask again.", "42", "Paris", "1984"]
    report = read(store, tmp_path, [pair(each) for each in texts])
    assert positives(store) == texts
    assert "2 positives that are texts and ids of documents alike (the first: '42')" in (
        " ".join(report.warnings)
    )


def test_a_telling_id_among_texts_is_an_id(store, tmp_path):
    hold(store)
    texts = ["It is a long story.", "Nobody knows for sure.", "d1", "d9"]
    assert read(store, tmp_path, [pair(each) for each in texts]).quarantined == 1
    assert positives(store) == [*texts[:2], "Lost cards Call us."]


def test_numbers_are_ids_where_the_column_holds_ids(store, tmp_path):
    hold(store, Document("41", "One."), Document("42", "Two."))
    assert read(store, tmp_path, [pair("41"), pair("42"), pair("99")]).quarantined == 1
    assert positives(store) == ["One.", "Two."]


def test_titles_and_paths_may_be_ids(store, tmp_path):
    hold(store, Document("Albert Einstein", "Born in Ulm."), Document("a/b.md#part-2", "Text."))
    read(store, tmp_path, [pair("Albert Einstein"), pair("a/b.md#part-2"), pair("c/d/e.md#x-1")])
    assert positives(store) == ["Born in Ulm.", "Text."]
    assert "names document 'c/d/e.md#x-1'" in reasons(store)[0]


def test_what_looks_like_ids_without_documents_is_warned_of(store, tmp_path):
    report = read(store, tmp_path, [pair("d1"), pair("d2")])
    assert positives(store) == ["d1", "d2"]
    assert "positives that look like ids of documents (the first: 'd1')" in report.warnings[0]
    assert not read(store, tmp_path, [pair("a text"), pair("B12")], "b.jsonl").warnings


def test_a_withdrawn_document_is_not_held(store, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a1.md").write_text("one")
    (tmp_path / "docs" / "b2.md").write_text("two")
    LENIENT.read(store, "document", "recent", ["docs"], tmp_path, NOW)
    (tmp_path / "docs" / "a1.md").unlink()
    LENIENT.read(store, "document", "recent", ["docs"], tmp_path, NOW)
    assert read(store, tmp_path, [pair("a1.md"), pair("b2.md")]).quarantined == 1
    assert positives(store) == ["two"]


def test_a_stored_pair_stays_known_when_its_document_is_gone(store, tmp_path):
    (tmp_path / "docs").mkdir()
    for name in ("a1.md", "b2.md"):
        (tmp_path / "docs" / name).write_text(name)
    data = {"corpus": ["docs"], "pairs": ["p.csv"]}
    (tmp_path / "p.csv").write_text("query,positive\nq,a1.md\nr,b2.md\n")
    assert Intake().read_all(store, data, tmp_path, NOW).pairs.stored == 2
    (tmp_path / "docs" / "a1.md").unlink()
    (tmp_path / "p.csv").write_text("query,positive\nq,a1.md\nr,b2.md\ns,b2.md\n")
    again = Intake().read_all(store, data, tmp_path, NOW).pairs
    assert (again.known, again.stored, again.quarantined) == (2, 1, 0)
    assert positives(store) == ["a1.md", "b2.md", "b2.md"]


def test_a_pair_read_again_after_its_document_changed_is_known(store, tmp_path):
    hold(store)
    rows = [pair("d1", id="p"), pair("d2")]
    read(store, tmp_path, rows)
    hold(store, Document("d1", "Call them."), Document("d2", "They lend."))
    rows = [pair("d1", id="p"), pair("d2"), pair("d1", id="n")]
    report = read(store, tmp_path, rows, "b.jsonl")
    assert (report.known, report.stored, report.quarantined) == (2, 1, 0)
    assert positives(store) == ["Lost cards Call us.", "We lend.", "Call them."]


def test_pairs_of_documents_that_arrive_later_leave_the_quarantine(store, tmp_path):
    (tmp_path / "c.jsonl").write_bytes(line(id="d1", text="one"))
    (tmp_path / "p.jsonl").write_bytes(
        b"".join(line(**each) for each in (pair("d1"), pair("d2"), pair("d3"), {"query": 7}))
    )
    data = {"corpus": ["*c.jsonl"], "pairs": ["p.jsonl"]}
    assert LENIENT.read_all(store, data, tmp_path, NOW).pairs.quarantined == 3
    assert LENIENT.read_all(store, data, tmp_path, NOW).pairs.seen == 0
    (tmp_path / "2c.jsonl").write_bytes(line(id="d2", text="two"))
    again = Intake().read_all(store, data, tmp_path, NOW).pairs
    assert (again.stored, again.known, again.quarantined) == (1, 3, 0)
    assert positives(store) == ["one", "two"]
    assert [fault.line for fault in store.quarantine()] == [4, 3]
    counts = store.counts()
    assert counts.quarantine == counts.quarantined == 2
    assert counts.seen == counts.stored + counts.known + counts.quarantined


def test_a_file_beside_the_store_is_joined_with_its_documents(store, tmp_path):
    hold(store)
    (tmp_path / "a.jsonl").write_bytes(line(**pair("d1")) + line(**pair("x9")))
    found, faults = LENIENT.parse(tmp_path / "a.jsonl", "pair", NOW, store)
    assert [each.positive for each in found] == ["Lost cards Call us."]
    assert "names document 'x9'" in faults[0].reason
    assert store.pairs() == []
