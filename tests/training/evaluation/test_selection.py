from functools import partial

from training.encoding import Encoder
from training.evaluation.selection import Select
from training.pairs.hold_out import HoldOut
from training.pairs.pair import Pair, normalised
from training.retention.merge import Merge


def rows(name, count):
    return [Pair(f"{name}{i}", f"{name} card {i}", f"{name} bank {i}") for i in range(count)]


def test_selected_queries_are_not_trained_on():
    both = rows("shared", 50)
    selection = Select(share=0.3).split(rows("new", 100) + both, rows("old", 100) + both)
    trained = {normalised(pair.query) for pair in (*selection.recent, *selection.memory)}
    for given in selection.sets:
        assert given.queries
        assert not trained & {normalised(query) for query in given.queries.values()}


def test_selection_and_hold_out_choose_independently():
    pairs = rows("new", 1000)
    held = {pair.id for pair in HoldOut().split(pairs)[1]}
    left = {pair.id for pair in Select().split(pairs, rows("old", 100)).recent}
    assert 0 < len(held - left) < len(held)


def test_without_memory_nothing_is_taken_out():
    selection = Select().split(rows("new", 100), [])
    assert len(selection.recent) == 100
    assert selection.sets == ()


def test_the_judge_scores_a_model_on_new_and_old(tiny_model, tmp_path):
    selection = Select().split(rows("new", 100), rows("old", 100))
    judge = selection.judge(partial(Encoder.load, max_length=32, cache=tmp_path / "cache"))
    new, old = judge(tiny_model)
    assert 0 <= new <= 1
    assert 0 <= old <= 1
    merged = Merge(shares=(0.5,)).choose(tiny_model, tiny_model, judge, output=tmp_path / "out")
    assert merged.folder == tiny_model
    assert [blend.share for blend in merged.curve] == [0.0, 0.5, 1.0]
