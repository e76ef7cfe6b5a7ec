"""Slices: the values of any column of the queries, and the sources of the new pairs."""

import pytest
from made_streams import write_lines

from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.learned_anchors import LearnedAnchors
from training.evaluation.query_slices import by_columns, by_source
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
