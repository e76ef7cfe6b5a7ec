"""Benchmarks: from folders and data sets, refused in one sentence and at once where not there."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from made_streams import BANK, sentences, write_lines

from pipeline.intake.benchmarks import benchmark_sets
from pipeline.operations.evaluate import evaluate_on_benchmark
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
