"""What would decide an inconclusive verdict soonest, and how long the same task has kept it so."""

import numpy as np
import pytest
from made_verdicts import comparison, verdict

from pipeline.gate.chances import chance_to_pass
from pipeline.gate.gate import Gate
from pipeline.gate.soonest import inconclusive_in_a_row, limiting, row_warning, soonest
from training.evaluation import Scorecard, TaskScores


def test_the_open_task_that_needs_most_is_named_with_what_is_missing_and_a_margin():
    few, many = comparison(needs=150), comparison("anchor/faq", needs=900)
    told = soonest([few, many], Gate())
    assert told.startswith("anchor/faq needs most: label about 800 more queries like its 100")
    assert "max_drop = 0.05 (now 0.02) for anchor/faq" in told


def test_a_task_that_no_number_of_queries_would_settle_limits_before_all_others():
    short = comparison(needs=None, difference=-0.03)
    assert limiting(verdict(short, comparison("anchor/faq", needs=900_000))) == short
    assert "would not decide it" in soonest([short], Gate())


@pytest.mark.parametrize(
    ("made", "says", "never"),
    [
        (comparison("new", needs=140), "holdout.share", "max_drop"),
        (comparison("anchor/learned-0002"), "learned_anchors.minimum_queries", "label"),
        (comparison(rule="floor"), "against the origin", "max_drop"),
        (comparison(queries=20, needs=90), "label about 440 more", "max_drop"),
    ],
)
def test_only_a_setting_that_would_change_it_is_named(made, says, never):
    told = soonest([made], Gate())
    assert says in told
    assert never not in told


def test_the_margin_of_a_slice_is_that_of_its_set():
    assert "for anchor/past before" in soonest([comparison("anchor/past/lang=fr")], Gate())


def scores(values):
    return TaskScores(tuple(f"q{i}" for i in range(len(values))), {"ndcg_at_10": values}, "digest")


def test_an_inconclusive_verdict_says_in_its_summary_what_decides_soonest():
    champion, old = np.full(100, 1.0), np.full(400, 0.6)
    candidate = champion.copy()
    candidate[:15] -= 0.37
    champion[15:30] -= 0.37

    def card(name, new, anchor):
        return Scorecard(name, {"new": scores(new), "anchor/past": scores(anchor)})

    found = Gate().judge(card("a", old, champion), card("b", old + 0.1, candidate))
    assert "anchor/past decides: label about 600 more queries like its 100" in found.reasons[0]
    assert found.reasons[0].startswith("inconclusive: 1 of 2 comparisons pass; ")


@pytest.mark.parametrize("difference", [0.0, -0.01, 0.01])
def test_so_many_queries_let_four_of_five_equally_good_candidates_pass(difference):
    made = comparison(difference=difference, needs=101)
    more = int(soonest([made], Gate()).split("label about ")[1].split()[0])

    def chance(queries):
        return chance_to_pass(Gate(), queries, -0.02, spread=made.spread, mean=difference)

    assert chance(made.queries + more) >= 0.8
    assert chance(made.needs) < 0.8


def test_a_row_counts_the_newest_inconclusive_verdicts_of_the_same_task():
    past, faq = verdict(comparison()), verdict(comparison("anchor/faq"))
    assert inconclusive_in_a_row([past, past, past, faq]) == ("anchor/past", 3)
    assert inconclusive_in_a_row([past, faq, past]) == ("anchor/past", 1)
    assert inconclusive_in_a_row([verdict(outcome="rejected"), past]) == ("", 0)
    assert inconclusive_in_a_row([None, past]) == ("", 0)


def test_a_row_that_an_equal_candidate_would_hardly_have_is_warned_of():
    past = verdict(comparison())
    assert row_warning([past], Gate()) == []
    assert "the last 2 candidates stayed inconclusive" in row_warning([past, past], Gate())[0]
    assert row_warning([past, past], Gate(confidence=0.99)) == []
