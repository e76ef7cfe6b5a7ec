"""Benchmarks: from folders and data sets, refused in one sentence and at once where not there."""

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from made_streams import BANK, sentences, write_lines

from pipeline.cycle.check import check_now
from pipeline.intake.benchmarks import benchmark_sets
from pipeline.operations.evaluate import evaluate_again, evaluate_on_benchmark
from pipeline.operations.status import status_now
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def nano(tmp_path, monkeypatch):
    """Lay a data set out as NanoBEIR is: three parts, one split a set."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "nano"
    configs = []
    for part in ("corpus", "queries", "qrels"):
        files = []
        for split in ("NanoOne", "NanoTwo"):
            rows = {
                "corpus": [{"_id": "d1", "text": "my card"}, {"_id": "d2", "text": ""}],
                "queries": [{"_id": "q1", "text": f"{split} card"}, {"_id": "q2", "text": "lost"}],
                "qrels": [{"query-id": "q1", "corpus-id": "d1"}],
            }[part]
            write_lines(folder / part / f"{split}.jsonl", rows)
            files.append(f"  - split: {split}\n    path: {part}/{split}.jsonl")
        listed = "\n".join(files)
        configs.append(f"- config_name: {part}\n  data_files:\n{listed}")
    joined = "\n".join(configs)
    (folder / "README.md").write_text(f"---\nconfigs:\n{joined}\n---\n")
    return folder


def test_each_split_of_a_data_set_is_an_evaluation_set(nano, tmp_path):
    sets = benchmark_sets("nano", tmp_path)
    assert [each.name for each in sets] == ["benchmark/NanoOne", "benchmark/NanoTwo"]
    # Documents without text, and queries that nothing answers, measure nothing.
    assert sets[0].queries == {"q1": "NanoOne card"}
    assert sets[0].corpus == {"d1": "my card"}
    assert sets[0].relevant == {"q1": {"d1": 1}}


def test_a_data_set_that_lacks_a_column_is_refused_by_name(nano, tmp_path):
    for split in ("NanoOne", "NanoTwo"):
        write_lines(nano / "qrels" / f"{split}.jsonl", [{"query": "q1", "corpus-id": "d1"}])
    with pytest.raises(DataFault, match=r"NanoOne: the column 'query-id' is missing"):
        benchmark_sets("nano", tmp_path)


def test_a_folder_in_beir_layout_is_scored_and_joins_the_line(opened):
    rows = sentences(BANK, 30, 9)
    folder = opened.settings.root / "benchmarks" / "cards"
    queries = [{"_id": f"q{row['id']}", "text": row["query"]} for row in rows]
    documents = [{"_id": f"d{row['id']}", "text": row["positive"]} for row in rows]
    write_lines(folder / "queries.jsonl", queries)
    write_lines(folder / "corpus.jsonl", documents)
    judged = "".join(f"q{row['id']}\td{row['id']}\t1\n" for row in rows)
    (folder / "qrels.tsv").write_text(judged)
    found = evaluate_on_benchmark(opened, "champion", "benchmarks/cards", NOW)
    assert [task.task for task in found.tasks] == ["benchmark/cards"]
    assert found.tasks[0].accepted is None
    assert 0 < found.tasks[0].now <= 1
    logged = opened.registry.client.get_run(found.run_id).data.metrics
    assert logged["benchmark/cards/ndcg_at_10"] == pytest.approx(found.tasks[0].now)
    json.dumps(found.to_json(), allow_nan=False)


CORPUS = [
    {"_id": 1, "title": "Cards", "text": "are blocked in the app"},
    {"_id": 2, "title": "Trains", "text": ""},
    {"_id": 3, "title": "", "text": " opening hours "},
    {"_id": 4, "title": None, "text": "rates"},
    {"_id": 5, "title": "", "text": ""},
]
QUERIES = [
    {"_id": f"q{number}", "text": text}
    for number, text in enumerate(["lost card", "next train", "when open", "of train", "rates"])
]
JUDGED = [("q0", 1, 1), ("q1", 2, 2), ("q1", 5, 1), ("q2", 3, 0), ("q2", 99, 1), ("q4", 4, -1)]
ONLY_TRAINED = [("q3", 2, 1), ("q4", 4, 1)]


def tsv(rows, header="query-id\tcorpus-id\tscore\r\n"):
    return header + "".join(f"{query}\t{document}\t{grade}\r\n" for query, document, grade in rows)


def named(rows):
    return [{"query-id": q, "corpus-id": d, "score": g} for q, d, g in rows]


def published(folder, form):
    """Write the collection in one of the forms in which such collections are published."""
    (folder / "qrels").mkdir(parents=True)
    if form == "parquet":
        for part, rows in (("corpus", CORPUS), ("queries", QUERIES)):
            (folder / part).mkdir()
            for number in (0, 1):
                table = pa.Table.from_pylist(
                    rows[number::2], schema=pa.Table.from_pylist(rows).schema
                )
                parquet.write_table(table, folder / part / f"{number}.parquet")
        parquet.write_table(pa.Table.from_pylist(named(JUDGED)), folder / "qrels" / "test.parquet")
        return folder
    for part, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        content = "".join(json.dumps(row) + "\r\n" for row in rows).encode("utf-8-sig")
        if form == "gzip":
            (folder / f"{part}.jsonl.gz").write_bytes(gzip.compress(content))
        else:
            (folder / f"{part}.jsonl").write_bytes(content)
    (folder / "qrels" / "train.tsv").write_text(tsv(ONLY_TRAINED))
    test = folder / "qrels" / "test.tsv"
    if form == "trec":
        test.write_text("".join(f"{q} 0 {d} {g}\n" for q, d, g in JUDGED))
    elif form == "other order":
        rows = "".join(f"{g}\t{d}\t{q}\n" for q, d, g in JUDGED)
        test.write_text("score\tcorpus-id\tquery-id\n" + rows)
    elif form == "json lines":
        write_lines(test.with_suffix(".jsonl"), named(JUDGED))
    elif form == "mteb":
        as_mteb(folder)
    else:
        test.write_text(tsv(JUDGED, "" if form == "no header" else tsv([])))
    return folder


def as_mteb(folder):
    """Lay the files out as MTEB does: a split of judgements for each use, named by the card."""
    write_lines(folder / "judged" / "test.jsonl", named(JUDGED))
    write_lines(folder / "judged" / "train.jsonl", named(ONLY_TRAINED))
    files = {"default": [(split, f"judged/{split}.jsonl") for split in ("train", "test")]}
    for part in ("corpus", "queries"):
        (folder / f"{part}.jsonl").rename(folder / f"all_{part}.jsonl")
        files[part] = [(part, f"all_{part}.jsonl")]
    card = {
        "configs": [
            {"config_name": part, "data_files": [{"split": s, "path": path} for s, path in found]}
            for part, found in files.items()
        ]
    }
    (folder / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")


@pytest.mark.parametrize(
    "form",
    ["stock", "no header", "trec", "other order", "json lines", "gzip", "parquet", "mteb"],
)
def test_a_published_collection_is_the_same_set_in_every_form(tmp_path, monkeypatch, form):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hub"))
    (found,) = benchmark_sets("fiqa", published(tmp_path / "fiqa", form).parent)
    assert found.name == "benchmark/fiqa"
    assert found.corpus == {
        "1": "Cards are blocked in the app",
        "2": "Trains",
        "3": "opening hours",
        "4": "rates",
    }
    assert found.queries == {"q0": "lost card", "q1": "next train"}
    assert found.relevant == {"q0": {"1": 1}, "q1": {"2": 2}}
    assert found.notes == (
        "3 of 5 queries are left out: nothing answers them here",
        "1 documents without text are left out",
        "2 judgements of documents that are not in the corpus are left out",
    )


def test_a_collection_without_the_split_test_says_which_one_it_uses(tmp_path):
    folder = published(tmp_path / "fiqa", "stock")
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "dev.tsv")
    (found,) = benchmark_sets("fiqa", tmp_path)
    assert sorted(found.queries) == ["q0", "q1"]
    assert found.notes[-1] == "there is no split test: the judgements of dev are used"


def test_what_was_left_out_of_an_anchor_set_is_told(opened):
    folder = opened.settings.root / "anchors" / "bank"
    with (folder / "queries.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "more", "text": "a query of another split"}) + "\n")
    said = "anchor/bank: 1 of 101 queries are left out: nothing answers them here"
    assert said in status_now(opened, NOW).gate.warnings
    assert said in evaluate_again(opened, "champion", NOW).notes
    write_lines(opened.settings.root / "traffic" / "new.jsonl", [{"text": "where is my card"}])
    assert said in check_now(opened, traffic=None, pairs=None, now=NOW).warnings


def test_what_is_neither_a_folder_nor_on_the_hub_is_refused(tmp_path):
    for named in ("./nowhere", "nowhere", "/no/such/place"):
        with pytest.raises(DataFault, match="no such folder"):
            benchmark_sets(named, tmp_path)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
        ({"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:1"}, "does not answer"),
    ],
)
def test_without_a_hub_the_refusal_is_one_clear_sentence(tmp_path, environment, said):
    code = (
        "from pathlib import Path\n"
        "from pipeline.intake import benchmark_sets\n"
        "from training.faults import DataFault\n"
        "try:\n    benchmark_sets('sentence-transformers/NanoBEIR-en', Path())\n"
        "except DataFault as fault:\n    print(fault)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "HF_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert done.stdout.count("\n") == 1
