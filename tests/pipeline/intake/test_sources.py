"""Sources: files are found by pattern, each once, and named when they cannot be read."""

import os
from pathlib import Path

import pytest
from made_files import (
    LENIENT,
    NOW,
    stored_texts,
    take,
    texts,
)

from pipeline.intake import IntakeReport
from pipeline.store import Store
from training.faults import DataFault

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_files_are_read_in_the_order_of_their_names_and_folders_are_searched(store, tmp_path):
    for name in ("b.jsonl", "a.jsonl", "deep/er/c.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(texts(name))
    take(store, tmp_path, "**/*.jsonl")
    assert stored_texts(store) == ["a.jsonl", "b.jsonl", "deep/er/c.jsonl"]
    files = [row.file for row in store.counts().files]
    assert files == ["a.jsonl", "b.jsonl", "deep/er/c.jsonl"]


def test_a_file_named_twice_is_read_once(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(texts("a", "a"))
    patterns = ["a.jsonl", "*.jsonl", "./a.jsonl", str(tmp_path / "a.jsonl")]
    assert LENIENT.read(store, "traffic", "recent", patterns, tmp_path, NOW).files == 1
    assert store.count_traffic() == 2


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("none.jsonl", r"none.jsonl: No such file or directory; it must name a readable file"),
        ("folder", r"folder: is a folder; name its files, such as folder/\*.jsonl"),
        ("notes.txt", r"notes.txt: ends in '.txt'; it must be one of .jsonl, .ndjson, .csv"),
        ("*.txt", r"notes.txt: ends in '.txt'"),
        ("plain", r"plain: ends in 'nothing'; it must be one of"),
        ("pipe.jsonl", r"pipe.jsonl: is neither a file nor a link to one"),
        ("broken.jsonl", r"broken.jsonl: No such file"),
        ("a\0b.jsonl", r"the file name .* holds bytes or characters that cannot be shown"),
        ("*\udcff.jsonl", r"the file name '.udcff.jsonl' holds bytes or characters"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(store, tmp_path, pattern, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "plain").touch()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "broken.jsonl").symlink_to("nowhere")
    (tmp_path / "\udcff.jsonl").touch()
    with pytest.raises(DataFault, match=message):
        take(store, tmp_path, pattern)


def test_a_text_file_in_utf_16_is_refused_in_one_sentence(store, tmp_path):
    (tmp_path / "a.jsonl").write_bytes(texts("a").decode().encode("utf-16"))
    with pytest.raises(DataFault, match=r"^a.jsonl: is written in UTF-16; save it as UTF-8$"):
        take(store, tmp_path)


def test_a_pattern_that_matches_nothing_yet_is_no_fault(store, tmp_path):
    assert take(store, tmp_path, "pairs/*.jsonl", kind="pair") == IntakeReport()
    (tmp_path / "folder.jsonl").mkdir()
    assert take(store, tmp_path) == IntakeReport()


@pytest.mark.parametrize("folder", ["old [2023]", "größe", "我的 搜索", "[a", "a b/c [d]"])
def test_a_folder_may_have_any_name(store, tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "a.jsonl").write_bytes(texts("a"))
    (tmp_path / folder / ".hidden.jsonl").write_bytes(texts("hidden"))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / folder / "a.jsonl")
    assert take(store, tmp_path, f"{folder}/*.jsonl").stored == 1
    assert take(store, tmp_path, f"{tmp_path}/{folder}/*.jsonl") == IntakeReport(unchanged=1)
    assert take(store, tmp_path / folder, "[a-b].jsonl").stored == 1
    assert take(store, tmp_path, "link.jsonl").stored == 1
    assert set(stored_texts(store)) == {"a"}


def test_a_wildcard_in_a_real_name_is_no_wildcard(store, tmp_path):
    (tmp_path / "a[1].jsonl").write_bytes(texts("a"))
    assert take(store, tmp_path, "a[1].jsonl").stored == 1
