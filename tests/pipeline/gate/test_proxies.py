"""Proxies decide only where labels are too few, only where that is allowed, and say so."""

import numpy as np
import pytest

from pipeline.gate.gate import Gate
from training.evaluation.scorecard import Scorecard, TaskScores

OLD = np.full(400, 0.6)


def task(values):
    values = np.asarray(values, dtype=np.float64)
    return TaskScores(tuple(f"q{i}" for i in range(len(values))), {"ndcg_at_10": values}, "set")


def card(fingerprint, **tasks):
    named = {name.replace("__", "/"): task(each) for name, each in tasks.items()}
    return Scorecard(fingerprint, named)


def judged(gate, *, anchor=0.0, labelled=None, **proxies):
    """Judge a candidate by the mean differences of its tasks."""
    before = {"anchor__past": OLD} | {f"proxy__{name}": OLD for name in proxies}
    after = {"anchor__past": OLD + anchor}
    after |= {f"proxy__{name}": OLD + change for name, change in proxies.items()}
    if labelled is not None:
        change, queries = labelled
        before["new"], after["new"] = OLD[:queries], OLD[:queries] + change
    return gate.judge(card("a", **before), card("b", **after))


ALLOW = Gate(proxies="allow")


def test_two_proxies_that_gain_promote_where_that_is_allowed_and_the_verdict_is_stamped():
    verdict = judged(ALLOW, items=0.05, lexical=0.1)
    assert verdict.promote
    assert verdict.without_labels
    assert verdict.reasons[0] == (
        "promoted: without labels, 2 of 2 proxies show a gain (proxy/items +0.050, proxy/lexical "
        "+0.100); every old task passes"
    )
    assert {each.task: each.rule for each in verdict.comparisons} == {
        "anchor/past": "no worse", "proxy/items": "proxy", "proxy/lexical": "proxy",
    }  # fmt: skip


def test_where_it_is_not_allowed_the_verdict_says_what_the_proxies_say_and_what_to_do():
    verdict = judged(Gate(), items=0.05, lexical=0.1)
    assert verdict.outcome == "inconclusive"
    assert not verdict.promote
    assert verdict.without_labels
    hint = verdict.reasons[1]
    for part in ("+0.050", "+0.100", 'gate.proxies = "allow"', "anchorhold judge"):
        assert part in hint


@pytest.mark.parametrize(
    ("case", "outcome"),
    [
        ({"items": 0.05}, "inconclusive"),
        ({"items": 0.05, "lexical": 0.0}, "inconclusive"),
        ({"items": 0.05, "lexical": 0.05, "feedback": -0.05}, "rejected"),
        ({"items": -0.01, "lexical": 0.0}, "rejected"),
        ({"items": 0.05, "lexical": 0.05, "anchor": -0.05}, "rejected"),
        ({"items": 0.05, "lexical": 0.05, "labelled": (-0.1, 20)}, "rejected"),
        ({"items": 0.05, "lexical": 0.05, "labelled": (0.0, 20)}, "promoted"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, dict) else each,
)
def test_what_proxies_may_decide(case, outcome):
    verdict = judged(ALLOW, **case)
    assert (verdict.outcome, verdict.promote) == (outcome, outcome == "promoted")
    assert verdict.without_labels
    assert verdict.reasons[0].startswith(f"{outcome}: ")


def test_harm_is_refused_whether_or_not_proxies_may_promote():
    assert judged(Gate(), items=-0.05, lexical=0.05).outcome == "rejected"


def test_where_labels_are_enough_they_decide_and_the_agreement_of_the_proxies_is_told():
    gains = judged(Gate(), items=-0.05, lexical=0.05, labelled=(0.1, 60))
    assert gains.promote
    assert not gains.without_labels
    assert gains.reasons[0] == "promoted: all 2 comparisons pass"
    assert gains.reasons[-1] == (
        "proxies beside the labels (+0.100 on 60 queries): 1 of 2 agree in sign; proxy/items "
        "-0.050, proxy/lexical +0.050, on average +0.000"
    )
    loses = judged(ALLOW, items=0.05, lexical=0.05, labelled=(-0.1, 60))
    assert loses.outcome == "rejected"


def test_without_labels_and_without_an_anchor_set_nothing_is_promoted():
    before = card("a", proxy__items=OLD, proxy__lexical=OLD)
    after = card("b", proxy__items=OLD + 0.1, proxy__lexical=OLD + 0.1)
    verdict = ALLOW.judge(before, after)
    assert verdict.outcome == "rejected"
    assert any("there is no anchor set" in reason for reason in verdict.reasons)


def test_at_further_lengths_of_the_vectors_a_proxy_counts_only_against_a_candidate():
    shorter = {"items/dim-64": -0.05}
    assert judged(ALLOW, items=0.05, lexical=0.05, **shorter).outcome == "rejected"
    shorter = {"items/dim-64": 0.05}
    assert judged(ALLOW, items=0.05, lexical=0.0, **shorter).outcome == "inconclusive"
