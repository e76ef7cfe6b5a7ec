"""Guessing what somebody's files hold: right, or said to be unclear, never silently wrong."""

import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from pipeline.intake.found import find_data

SPAN = {"attributes": {"openinference.span.kind": "RETRIEVER", "input.value": "a card"}}
EVENT = {"action_name": "click", "query_id": "1", "object_id": "d1"}
LONG, SHORT = "many words of a document " * 10, "lost card"


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def guessed(path):
    (found,) = find_data([path])
    return found


@pytest.mark.parametrize(
    ("row", "key", "said"),
    [
        ({"query": "a", "positive": "b", "negative": "c"}, "history", "labelled pairs"),
        ({"anchor": "a", "positive_1": "b"}, "history", "anchor as query, positive_1 as positive"),
        ({"question": "a", "answer": "b"}, "history", "question as query, answer as positive"),
        ({"sentence1": "a", "sentence2": "b", "score": 1.0}, "history", "sentence1 as query"),
        ({"query": "a", "results": ["d1"], "clicked": ["d1"]}, "log", "query, results, clicked"),
        ({"user_query": "a", "hits": [{"id": "d"}]}, "log", "user_query as query, hits as results"),
        ({"question": "a", "answer": "b", "contexts": ["c"]}, "log", "contexts as results"),
        ({"query": "a", "timestamp": "2026-01-01", "session": "s"}, "log", "session"),
        ({"id": "1", "clicked": ["d1"]}, "log", "feedback on a served log"),
        ({"query_id": "1", "user_query": "card"}, "log", "User Behavior Insights"),
        (EVENT, "log", "events of a served log"),
        ({"_index": "ubi_events", "_id": "x", "_source": EVENT}, "log", "events of a served log"),
        (SPAN, "log", "OpenInference"),
        ({"id": "1", "title": "Cards", "text": SHORT}, "corpus", "id, title, text"),
        ({"docid": "1", "contents": LONG}, "corpus", "docid as id, contents as text"),
        ({"text": SHORT, "user": "u"}, "traffic", "texts of users (text, user)"),
        ({"text": SHORT}, "traffic", "texts of users"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_columns_tell_what_a_file_holds(tmp_path, row, key, said):
    found = guessed(write(tmp_path / "file.jsonl", row, row, row))
    assert (found.key, found.files) == (key, 1)
    assert said in found.what
    assert found.why


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"frage": "a", "antwort": "b"}], "its columns say nothing (frage, antwort)"),
        ([{"text": "some twenty words " * 7}], "name it in data.corpus or in data.traffic"),
        ([{"title": "a", "text": "b", "session": "s"}], "for texts of users: it has sessions"),
        ([{"query": "a", "answer": "b", "user": "u"}], "name it in data.pairs to learn them"),
        ([{"query": "a", "positive": "b"}, {"text": "c"}], "of several kinds"),
        ([], "holds no record"),
        (["not an object"] * 3, "its columns say nothing"),
        ([{"body": SHORT, "user": "u"}], "name it 'text', then set data.traffic"),
    ],
)
def test_what_is_unclear_is_left_out_with_the_way_out(tmp_path, rows, said):
    found = guessed(write(tmp_path / "file.jsonl", *rows))
    assert found.key == ""
    assert said in found.why


def test_names_of_files_and_folders_decide_where_columns_do_not(tmp_path):
    text = {"text": "some twenty words " * 7}
    for name in ("docs/a.jsonl", "queries/b.jsonl", "unlabelled_reference.jsonl"):
        write(tmp_path / name, text)
    write(tmp_path / "new-labels.jsonl", {"query": "a", "positive": "b"})
    keys = {found.path.removeprefix(f"{tmp_path}/"): found.key for found in find_data([tmp_path])}
    assert keys == {
        "docs/a.jsonl": "corpus",
        "queries/b.jsonl": "traffic",
        "unlabelled_reference.jsonl": "reference",
        "new-labels.jsonl": "pairs",
    }


def test_ids_that_a_log_names_are_those_of_documents(tmp_path):
    results = [{"id": "d1"}, {"id": "d2"}]
    write(tmp_path / "z.jsonl", {"query": "lost card", "results": results})
    write(tmp_path / "a.jsonl", {"id": "d1", "text": SHORT}, {"id": "d2", "text": SHORT})
    first, _ = find_data([tmp_path])
    assert (first.key, first.why) == ("corpus", "a log names its ids")


def test_files_of_one_kind_become_a_pattern_and_others_stay_by_name(tmp_path):
    for day in range(30):
        write(tmp_path / "log" / f"{day:02}.jsonl", {"query": "a", "results": ["d"]})
    write(tmp_path / "mixed" / "a.jsonl", {"query": "a", "results": ["d"]})
    write(tmp_path / "mixed" / "b.jsonl", {"query": "a", "positive": "d"})
    found = {each.path.removeprefix(f"{tmp_path}/"): each for each in find_data([tmp_path])}
    assert set(found) == {"log/*.jsonl", "mixed/a.jsonl", "mixed/b.jsonl"}
    assert found["log/*.jsonl"].files == 30
    assert "15 of 30 files were opened" in found["log/*.jsonl"].why


def test_pages_are_documents_unless_they_lie_beside_data(tmp_path):
    for name in ("site/a.md", "site/deep/b.html", "site/c.txt", "site/logo.png", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("# A title\n\nA text of some words.\n")
    (tmp_path / "queries.txt").write_text("lost card\n" * 8)
    write(tmp_path / "log.jsonl", {"query": "a", "results": ["d"]})
    found = {each.path.removeprefix(f"{tmp_path}/"): each for each in find_data([tmp_path])}
    assert (found["site"].key, found["site"].files) == ("corpus", 3)
    assert found["README.md"].key == ""
    assert "data.corpus" in found["README.md"].why
    assert "each line seems to be a text" in found["queries.txt"].why


def test_tables_of_every_format_are_read(tmp_path):
    table = pa.table({"query": ["a"], "results": [[{"id": "d1"}]]})
    parquet.write_table(table, tmp_path / "log.parquet")
    (tmp_path / "pairs.csv").write_text("question;answer\nwhere;there\n")
    (tmp_path / "spans.json").write_text(json.dumps([SPAN]))
    (tmp_path / "broken.parquet").write_bytes(b"no")
    keys = {found.path.removeprefix(f"{tmp_path}/"): found.key for found in find_data([tmp_path])}
    assert keys == {
        "log.parquet": "log",
        "pairs.csv": "history",
        "spans.json": "log",
        "broken.parquet": "",
    }


def test_an_evaluation_set_of_something_new_is_no_anchor_set(tmp_path):
    for name in ("eval_old", "eval_new"):
        write(tmp_path / name / "corpus.jsonl", {"_id": "d1", "text": "x"})
        write(tmp_path / name / "queries.jsonl", {"_id": "q1", "text": "x"})
        (tmp_path / name / "qrels").mkdir()
        (tmp_path / name / "qrels" / "test.tsv").write_text("q1\td1\t1\n")
    old, new = find_data([tmp_path])
    assert (old.key, new.key) == ("anchors", "")
    assert "[anchors.NAME]" in new.why
