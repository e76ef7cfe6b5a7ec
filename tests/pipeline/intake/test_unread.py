"""Files that a person may believe to be read: no pattern names them, or they do not exist."""

import pytest

from pipeline.intake import missing_files, unread_files


@pytest.fixture
def folder(tmp_path):
    for name in (
        "pairs/a.jsonl",
        "pairs/faq.csv",
        "pairs/notes.md",
        "pairs/.part.csv",
        "own/x.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_file_beside_those_that_are_read_is_told(folder):
    (told,) = unread_files({"pairs": ["pairs/*.jsonl"]}, folder)
    assert told == "pairs/faq.csv is not read: data.pairs names only pairs/*.jsonl"


def test_many_such_files_are_counted(folder):
    (folder / "pairs" / "b.parquet").touch()
    (told,) = unread_files({"pairs": ["pairs/*.jsonl"]}, folder)
    assert told.startswith("2 files are not read, such as pairs/b.parquet: data.pairs ")


@pytest.mark.parametrize(
    "named",
    [
        {"pairs": ["pairs/*.jsonl", "pairs/*.csv"]},
        {"pairs": ["pairs/*.jsonl"], "history": ["pairs/faq.csv"]},
        {"pairs": ["pairs/a.jsonl"], "history": ["own/x.csv"]},
        {"pairs": ["pairs/*"]},
        {"corpus": ["pairs/*.jsonl"]},
        {"pairs": ["nowhere/*.jsonl", "hf:owner/data"]},
    ],
)
def test_files_that_are_named_or_that_nobody_expects_to_be_read_are_not_told(folder, named):
    assert list(unread_files(named, folder)) == []


def test_a_named_file_that_does_not_exist_is_told(folder):
    named = {
        "pairs": ["pairs/a.jsonl", "pairs/fqa.csv", "hf:owner/data", "later/*.jsonl"],
        "log": ["mlflow:chat"],
    }
    (told,) = missing_files(named, folder)
    assert told == "data.pairs names pairs/fqa.csv, which does not exist"
