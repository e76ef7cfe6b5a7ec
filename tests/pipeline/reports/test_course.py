"""What happened over the cycles: drift beside its limits, and what versions remember."""

import pytest

from pipeline.reports.course import courses, forgetting, hit_rates
from pipeline.results import CycleResult


def cycle(
    number, outcome, champion=1, candidate=None, signals=(), compared=(), sets=(), **decision
):
    comparisons = [
        {
            "task": task, "metric": "ndcg_at_10", "champion": before, "candidate": after,
            "difference": after - before, "low": 0, "high": 0, "queries": 100, "holds": True,
            "needs": None, "rule": rule, "margin": 0.02, "spread": 0, "visible": 0, "reason": "r",
        }
        for task, rule, before, after in compared
    ]  # fmt: skip
    return CycleResult.model_validate(
        {
            "cycle": f"{number:04}",
            "outcome": outcome,
            "decision": {"train": bool(compared), "reasons": ["r"], "signals": signals, **decision},
            "champion": {"version": candidate if outcome == "promoted" else champion},
            "candidate": {"version": candidate} if candidate else None,
            "window": {"champion": champion, "after": 0, "since": 0, "until": 9, "settings": ""},
            "verdict": {"promote": outcome == "promoted", "outcome": outcome, "reasons": ["r"],
                        "comparisons": comparisons} if compared else None,
            "lesson": {"recent": 1, "replayed": 1, "memory": 1, "held_out_queries": 1,
                       "leaked": {}, "data_sets": sets} if compared else None,
            "intake": {}, "seconds": {}, "run_id": "r",
        }
    )  # fmt: skip


def sets(**digests):
    return [(name.replace("_", "/"), digest, "evaluation", 9) for name, digest in digests.items()]


FIRST = cycle(1, "bootstrapped")
SECOND = cycle(
    2, "promoted", champion=1, candidate=2, sets=sets(new="n", anchor_faq="f"),
    compared=[("new", "gain", 0.4, 0.7), ("anchor/faq", "no worse", 0.8, 0.79),
              ("new/source=a", "no worse", 0.1, 0.2)],
)  # fmt: skip
THIRD = cycle(
    3, "rejected", champion=2, candidate=3,
    sets=sets(new="m", **{"anchor_learned-0002": "n"}, anchor_faq="f"),
    compared=[("new", "gain", 0.3, 0.5), ("anchor/faq", "no worse", 0.79, 0.7),
              ("anchor/learned-0002", "no worse", 0.7, 0.72),
              ("anchor/learned-0002", "floor", 0.4, 0.72)],
)  # fmt: skip


def test_the_matrix_has_each_version_on_each_task_and_what_the_last_forgot():
    found = forgetting([FIRST, SECOND, THIRD])
    assert [each.version for each in found.versions] == [1, 2, 3]
    assert [each.served for each in found.versions] == [True, True, False]
    scores = {
        task: [row.scores[place] for row in found.versions]
        for place, task in enumerate(found.tasks)
    }
    assert scores["Old task faq"] == [0.8, 0.79, 0.7]
    assert scores["Learned in cycle 0002"] == [0.4, 0.7, 0.72]
    lost = dict(zip(found.tasks, found.forgotten, strict=True))
    assert lost["Old task faq"] == pytest.approx(0.1)
    assert lost["Learned in cycle 0002"] == pytest.approx(-0.02)


def test_scores_on_an_anchor_set_that_was_edited_are_not_compared_with_those_before():
    edited = THIRD.model_copy(
        update={
            "lesson": THIRD.lesson.model_copy(update={"data_sets": tuple(sets(anchor_faq="g"))})
        }
    )
    found = forgetting([FIRST, SECOND, edited])
    assert found.tasks.count("Old task faq") == 2
    assert {row.scores for row in found.versions} >= {(0.4, 0.8, None)}


def test_one_version_has_no_matrix():
    assert forgetting([FIRST]) is None


SIGNAL = {"trigger": "vocabulary", "fired": False, "reason": "r", "p_value": 0.5, "effect": 0.1,
          "threshold": 0.2}  # fmt: skip


def test_what_fired_comes_first_and_keeps_the_limit_of_each_check():
    fired = {**SIGNAL, "trigger": "text_shape", "fired": True, "effect": 0.4, "threshold": 0.3}
    untested = {**SIGNAL, "trigger": "model_age", "p_value": None}
    found = courses(
        [cycle(2, "quiet", signals=[SIGNAL]), cycle(3, "quiet", signals=[SIGNAL, untested, fired])]
    )
    assert [each.trigger for each in found] == ["text_shape", "vocabulary"]
    assert [(each.cycle, each.limit) for each in found[1].checks] == [("0002", 0.2), ("0003", 0.2)]


def test_retrieval_quality_is_followed_beside_drift():
    results = [
        cycle(2, "quiet", hit_rates={"anchor/faq": 0.9}),
        cycle(3, "quiet", hit_rates={"anchor/faq": 0.8}),
    ]
    assert hit_rates(results) == {"Old task faq": [("0002", 0.9), ("0003", 0.8)]}
