"""A second metric is shown beside the one that decides, and decides nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gate.gate import Gate
from pipeline.results import Verdict
from training.evaluation import SOFT
from training.evaluation.scorecard import Scorecard, TaskScores

QUERIES = 200
SAME = np.full(QUERIES, 0.6)


def card(name, anchor, soft=None, new=SAME):
    def scores(values, other):
        metrics = {"ndcg_at_10": np.asarray(values)}
        if other is not None:
            metrics[SOFT] = np.asarray(other)
        return TaskScores(tuple(f"q{n}" for n in range(QUERIES)), metrics, "a digest")

    return Scorecard(name, {"new": scores(new, soft), "anchor/past": scores(anchor, soft)})


def test_each_comparison_shows_both_metrics_and_names_the_one_that_decides():
    verdict = Gate().judge(card("a", SAME, SAME), card("b", SAME, SAME - 0.1, SAME + 0.1))
    anchor = verdict.comparisons[1]
    assert (anchor.metric, anchor.holds) == ("ndcg_at_10", True)
    assert anchor.beside.metric == SOFT
    assert anchor.beside.difference == pytest.approx(-0.1)
    assert anchor.beside.low < -0.1 < anchor.beside.high
    assert anchor.reason.startswith("anchor/past: nDCG@10 0.600 -> 0.600")
    assert f"; beside it soft nDCG@10 {anchor.beside.difference:+.3f}, bounds" in anchor.reason


@given(st.integers(0, 1000), st.floats(-0.3, 0.3))
@settings(deadline=None, max_examples=6)
def test_what_is_shown_beside_never_changes_a_verdict(seed, shift):
    generator = np.random.default_rng(seed)
    moved = np.clip(SAME + generator.normal(0.0, 0.1, QUERIES), 0, 1)
    gains = np.clip(SAME + generator.normal(0.05, 0.1, QUERIES), 0, 1)
    alone = Gate().judge(card("a", SAME), card("b", moved, new=gains))
    beside = Gate().judge(card("a", SAME, SAME), card("b", moved, SAME + shift, new=gains))
    assert beside.outcome == alone.outcome
    for one, other in zip(beside.comparisons, alone.comparisons, strict=True):
        assert other.beside is None
        assert one.changed(beside=None, reason="") == other.changed(reason="")


def test_the_setting_lets_the_soft_metric_decide_and_ndcg_stands_beside():
    gate = Gate(metric=SOFT)
    soft_gain = np.clip(SAME + 0.1, 0, 1)
    verdict = gate.judge(card("a", SAME, SAME), card("b", SAME - 0.1, soft_gain))
    assert verdict.promote
    anchor = verdict.comparisons[1]
    assert (anchor.metric, anchor.beside.metric) == (SOFT, "ndcg_at_10")
    assert anchor.beside.difference == pytest.approx(-0.1)


def test_scores_that_one_side_lacks_are_not_shown():
    verdict = Gate().judge(card("a", SAME), card("b", SAME, SAME, SAME + 0.1))
    assert verdict.promote
    assert [each.beside for each in verdict.comparisons] == [None, None]


def test_a_verdict_that_was_stored_without_it_is_still_read():
    stored = Gate().judge(card("a", SAME), card("b", SAME, new=SAME + 0.1)).to_json()
    for each in stored["comparisons"]:
        del each["beside"]
    assert Verdict.model_validate(stored).comparisons[0].beside is None
