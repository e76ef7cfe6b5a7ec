"""The anchor sets of a workspace: read with the slices that its settings name."""

import json

import pytest
from made_streams import write_lines

from pipeline.workspace.settings_file import load_settings
from training.faults import DataFault


def test_the_settings_of_an_anchor_set_name_its_columns(opened):
    root = opened.settings.root
    file = root / "anchors" / "bank" / "queries.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    write_lines(file, [{**row, "tier": "gold" if i < 80 else "tin"} for i, row in enumerate(rows)])
    settings = root / "anchorhold.toml"
    named = settings.read_text().replace(
        'path = "anchors/bank"', 'path = "anchors/bank"\nslices = ["tier"]'
    )
    settings.write_text(named)
    (bank,) = opened.following(load_settings(root)).anchor_sets.of(None)
    assert {name: len(queries) for name, queries in bank.slices.items()} == {
        "tier=gold": 80,
        "tier=tin": 20,
    }


def collection(folder, queries, documents, judged):
    write_lines(folder / "queries.jsonl", [{"_id": k, "text": v} for k, v in queries.items()])
    write_lines(folder / "corpus.jsonl", [{"_id": k, "text": v} for k, v in documents.items()])
    lines = [f"{query}\t{document}\t{grade}" for query, document, grade in judged]
    (folder / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines]) + "\n")


def joined(opened, root):
    settings = root / "anchorhold.toml"
    told = settings.read_text().replace(
        'path = "anchors/bank"',
        'path = "anchors/titles"\nfurther = ["anchors/questions", "anchors/few"]',
    )
    settings.write_text(told)
    (both,) = opened.following(load_settings(root)).anchor_sets.of(None)
    return both


def test_folders_of_one_task_are_one_set_whose_equal_texts_count_once(opened):
    root = opened.settings.root
    titles = {f"q{i}": f"title {i}" for i in range(12)}
    asked = {f"q{i}": f"question {i}" for i in range(30)}
    documents = {f"d{i}": f"answer {i}" for i in range(30)}
    collection(
        root / "anchors" / "titles", titles, documents, [(f"q{i}", f"d{i}", 1) for i in range(12)]
    )
    collection(
        root / "anchors" / "questions",
        {**asked, "q0": "Title  0"},
        {f"d{i}": f"answer {29 - i}" for i in range(30)},
        [("q0", "d28", 2), *((f"q{i}", f"d{i}", 1) for i in range(1, 30))],
    )
    collection(root / "anchors" / "few", {"a": "one"}, {"b": "answer 3"}, [("a", "b", 1)])
    both = joined(opened, root)
    assert both.name == "anchor/bank"
    assert (len(both.queries), len(both.corpus)) == (12 + 29 + 1, 30)
    (shared,) = (key for key, text in both.queries.items() if text.lower().startswith("title  0"))
    assert {both.corpus[key]: grade for key, grade in both.relevant[shared].items()} == {
        "answer 0": 1,
        "answer 1": 2,
    }
    assert {name: len(queries) for name, queries in both.slices.items()} == {
        "folder=titles": 12,
        "folder=questions": 30,
    }
    assert {key for queries in both.slices.values() for key in queries} <= set(both.queries)


def test_folders_with_the_same_last_name_are_slices_with_the_whole_one(opened):
    root = opened.settings.root
    for name in ("titles", "questions/titles"):
        collection(
            root / "anchors" / name,
            {f"q{i}": f"{name} {i}" for i in range(10)},
            {"d": "answer"},
            [(f"q{i}", "d", 1) for i in range(10)],
        )
    settings = root / "anchorhold.toml"
    settings.write_text(
        settings.read_text().replace(
            'path = "anchors/bank"',
            'path = "anchors/titles"\nfurther = ["anchors/questions/titles"]',
        )
    )
    (both,) = opened.following(load_settings(root)).anchor_sets.of(None)
    assert set(both.slices) == {"folder=anchors-titles", "folder=anchors-questions-titles"}


def test_a_further_folder_that_is_not_there_is_named(opened):
    root = opened.settings.root
    settings = root / "anchorhold.toml"
    settings.write_text(
        settings.read_text().replace(
            'path = "anchors/bank"', 'path = "anchors/bank"\nfurther = ["anchors/typo"]'
        )
    )
    with pytest.raises(DataFault, match="typo"):
        opened.following(load_settings(root)).anchor_sets.of(None)
