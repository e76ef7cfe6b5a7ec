"""Slices at the gate: a source that got worse refuses the batch, a large anchor slice is judged."""

import numpy as np
import pytest

from pipeline.gate.gate import Gate
from training.evaluation.scorecard import Scorecard, TaskScores


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


def test_a_source_that_shows_no_harm_need_not_support_a_candidate_unless_that_is_asked():
    unsure = np.tile([0.3, -0.3], 50)
    verdict = judged(np.full(300, 0.1), unsure)
    assert verdict.promote
    assert [each.judged for each in verdict.comparisons].count(True) == 2
    assert "reported" in verdict.reasons[-1]
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


@pytest.mark.parametrize(
    ("new", "anchor", "outcome"),
    [
        (0.1, 0.0, "promoted"),
        (0.1, -0.3, "rejected"),
        (0.1, -0.02, "inconclusive"),
        (0.0, 0.0, "rejected"),
    ],
)
def test_a_further_length_is_held_like_the_whole_however_few_queries_there_are(
    new, anchor, outcome
):
    ids = tuple(f"q{i}" for i in range(60))
    differences = {
        "new": 0.1, "new/dim-128": new, "anchor/past": 0.0, "anchor/past/dim-128": anchor,
    }  # fmt: skip
    cards = [
        Scorecard(
            str(times),
            {
                task: TaskScores(ids, {"ndcg_at_10": np.full(60, 0.5 + times * each)}, "set")
                for task, each in differences.items()
            },
        )
        for times in (0, 1)
    ]
    verdict = Gate().judge(*cards, margins={"anchor/past": 0.03})
    assert verdict.outcome == outcome
    assert all(each.judged for each in verdict.comparisons)
