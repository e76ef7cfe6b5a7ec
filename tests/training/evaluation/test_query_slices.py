"""Slices: the values of any column of the queries, and the sources of the new pairs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_streams import write_lines

from pipeline.gate.gate import Gate
from pipeline.workspace.settings_file import load_settings
from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.learned_anchors import LearnedAnchors
from training.evaluation.query_slices import by_columns, by_source
from training.evaluation.scorecard import Scorecard, TaskScores
from training.faults import DataFault
from training.pairs.pair import Pair


@pytest.fixture
def folder(tmp_path):
    rows = [
        {
            "_id": f"q{i}",
            "text": f"question {i}",
            "language": "de" if i % 3 else "fr",
            "tier": i % 2,
            **({"region": "south"} if i < 5 else {}),
        }
        for i in range(60)
    ]
    write_lines(tmp_path / "queries.jsonl", rows)
    write_lines(
        tmp_path / "corpus.jsonl", [{"_id": f"d{i}", "text": f"answer {i}"} for i in range(60)]
    )
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(60))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return tmp_path


def test_each_value_of_a_column_is_a_task_of_its_own(folder, fake_encoder):
    given = EvaluationSet.from_folder("anchor/past", folder)
    sliced = by_columns(given, folder, ["language", "tier"])
    card = Evaluate().score(fake_encoder, [sliced])
    assert {name: len(each.query_ids) for name, each in card.tasks.items()} == {
        "anchor/past": 60,
        "anchor/past/language=de": 40,
        "anchor/past/language=fr": 20,
        "anchor/past/tier=0": 30,
        "anchor/past/tier=1": 30,
    }


def test_a_value_with_a_handful_of_queries_is_left_out(folder):
    given = EvaluationSet.from_folder("anchor/past", folder)
    assert by_columns(given, folder, ["region"]).slices == {}
    assert by_columns(given, folder, []) is given


def test_a_column_that_is_not_there_is_refused_naming_those_that_are(folder):
    given = EvaluationSet.from_folder("anchor/past", folder)
    with pytest.raises(
        DataFault, match=r"'lang' of anchors\.past\.slices; columns: language, region, tier"
    ):
        by_columns(given, folder, ["lang"])


def pairs_of(source, count):
    return [Pair(f"{source}{i}", f"{source} q {i}", f"a {i}", source=source) for i in range(count)]


def test_one_source_needs_no_slice_and_what_was_learned_is_held_as_a_whole():
    alone = pairs_of("docs", 40)
    task = EvaluationSet.from_pairs("new", alone, [])
    assert by_source(task, alone) is task
    both = [*alone, *pairs_of("forum", 20)]
    sliced = by_source(EvaluationSet.from_pairs("new", both, []), both)
    assert set(sliced.slices) == {"source=docs", "source=forum"}
    assert LearnedAnchors().keep([], sliced, "0004")[0].slices == {}


def judged(new, source, anchor_slice=None, **settings):
    """Judge a candidate by its differences on the new task, one source and one anchor slice."""
    before, after = {}, {}
    tasks = {"new": new, "new/source=forum": source, "anchor/past": np.zeros(400)}
    if anchor_slice is not None:
        tasks["anchor/past/language=fr"] = anchor_slice
    for name, differences in tasks.items():
        ids = tuple(f"q{i}" for i in range(len(differences)))
        base = np.full(len(differences), 0.5)
        before[name] = TaskScores(ids, {"ndcg_at_10": base}, "set")
        after[name] = TaskScores(ids, {"ndcg_at_10": base + differences}, "set")
    return Gate(**settings).judge(Scorecard("a", before), Scorecard("b", after))


def test_a_source_that_alone_gets_worse_refuses_the_whole_batch():
    verdict = judged(np.full(300, 0.1), np.full(60, -0.2))
    assert verdict.outcome == "rejected"
    assert verdict.reasons[1].startswith("new/source=forum: ")


def test_a_source_that_shows_no_harm_need_not_vouch_unless_that_is_asked():
    unsure = np.tile([0.3, -0.3], 50)
    verdict = judged(np.full(300, 0.1), unsure)
    assert verdict.promote
    assert verdict.reasons[0] == "promoted: all 2 comparisons hold"
    assert "reported, not judged" in verdict.reasons[-1]
    assert judged(np.full(300, 0.1), unsure, strict_sources=True).outcome == "inconclusive"


@pytest.mark.parametrize(
    ("queries", "loss", "outcome"),
    [
        (74, 0.0, "promoted"),
        (80, 0.0, "promoted"),
        (80, 0.02, "inconclusive"),
        (40, 0.3, "rejected"),
    ],
)
def test_a_slice_of_an_anchor_set_is_judged_when_it_is_large_enough(queries, loss, outcome):
    verdict = judged(np.full(300, 0.1), np.zeros(20), np.full(queries, -loss))
    assert verdict.outcome == outcome
    found = {each.task: each.judged for each in verdict.comparisons}
    assert found == {
        "new": True,
        "new/source=forum": False,
        "anchor/past": True,
        "anchor/past/language=fr": queries >= 75,
    }


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
    sliced = replace(opened, settings=load_settings(root))
    (bank,) = sliced.anchors(None)
    assert {name: len(queries) for name, queries in bank.slices.items()} == {
        "tier=gold": 80,
        "tier=tin": 20,
    }
    card = sliced.scores(sliced.folder(sliced.champion()), [bank])
    assert set(card.tasks) == {"anchor/bank", "anchor/bank/tier=gold", "anchor/bank/tier=tin"}
