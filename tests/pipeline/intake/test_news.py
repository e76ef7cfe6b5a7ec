"""News: which files changed, and about how many records they brought."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.intake.news import Files


def lines(number):
    return "".join(json.dumps({"text": f"text {each}"}) + "\n" for each in range(number))


def now(root):
    return Files.now(["traffic/*.jsonl", "pairs.csv", "pages", "rows.parquet"], root)


def test_nothing_changed_is_equal_and_brings_nothing(tmp_path):
    (tmp_path / "traffic").mkdir()
    (tmp_path / "traffic" / "a.jsonl").write_text(lines(3))
    before = now(tmp_path)
    assert now(tmp_path) == before
    assert now(tmp_path).records_since(before) == 0


def test_records_are_lines_that_were_added_rows_and_pages(tmp_path):
    (tmp_path / "traffic").mkdir()
    (tmp_path / "traffic" / "a.jsonl").write_text(lines(3))
    before = now(tmp_path)
    with (tmp_path / "traffic" / "a.jsonl").open("a") as file:
        file.write(lines(2))
    assert now(tmp_path).records_since(before) == 2
    (tmp_path / "traffic" / "b.jsonl").write_text(lines(4))
    assert now(tmp_path).records_since(before) == 6
    (tmp_path / "pages" / "deep").mkdir(parents=True)
    (tmp_path / "pages" / "deep" / "one.md").write_text("# A page\n\nof\n\nmany lines")
    assert now(tmp_path).records_since(before) == 7
    pq.write_table(pa.table({"text": ["a"] * 100}), tmp_path / "rows.parquet")
    assert now(tmp_path).records_since(before) == 107


def test_a_file_that_was_rewritten_counts_as_a_whole(tmp_path):
    (tmp_path / "pairs.csv").write_text("query,positive\na,b\nc,d\n")
    before = now(tmp_path)
    (tmp_path / "pairs.csv").unlink()
    (tmp_path / "pairs.csv").write_text("query,positive\n")
    assert now(tmp_path) != before
    assert now(tmp_path).records_since(before) == 1


def test_a_broken_file_and_a_missing_one_are_left_to_the_cycle(tmp_path):
    before = now(tmp_path)
    (tmp_path / "rows.parquet").write_bytes(b"no table")
    assert now(tmp_path) != before
    assert now(tmp_path).records_since(before) == 0
