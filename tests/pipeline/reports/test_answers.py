"""The three answers of a report: each outcome is told as it is."""

import pytest
from made_reports import COMPARISON, MAP, made_result

from pipeline.reports.answers import answers
from pipeline.results import CheckedTexts, CycleResult

GAIN = {**COMPARISON, "task": "new", "rule": "gain", "low": 0.03, "high": 0.09, "difference": 0.06,
        "champion": 0.5, "candidate": 0.56}  # fmt: skip
OLD = {**COMPARISON, "task": "anchor/faq"}


def told(comparisons=(GAIN, OLD), outcome="promoted", texts=None, **changed):
    made = made_result() | changed
    made["outcome"] = outcome
    if made.get("verdict"):
        made["verdict"] |= {
            "promote": outcome == "promoted", "outcome": outcome, "confidence": 0.95,
            "comparisons": list(comparisons), "reasons": [f"{outcome}: because of the data"],
        }  # fmt: skip
    checked = CheckedTexts.model_validate({"map": texts}) if texts else None
    return answers(CycleResult.model_validate(made), checked)


def test_a_promotion_says_what_it_gained_at_least_and_that_nothing_was_forgotten():
    drifted, learned, trusted = told(texts=MAP)
    assert (drifted.short, drifted.tone) == ("New topics", "open")
    assert "50 % of 100 recent texts" in drifted.sentences[0]
    assert learned.tone == trusted.tone == "good"
    assert "at least +0.030, with 95 % confidence (one-sided)" in learned.sentences[0]
    assert learned.sentences[1] == "Nothing forgotten: 1 old task is kept."
    assert trusted.short == "Yes, version 2 serves"


def test_a_refusal_names_what_failed_and_what_serves():
    lost = {**OLD, "difference": -0.1, "low": -0.15, "high": -0.05, "holds": False}
    _, learned, trusted = told((GAIN, lost), "rejected", champion={"version": 1})
    assert learned.sentences[1] == "Forgotten: Old task faq lost 0.100."
    assert trusted.tone == "bad"
    assert trusted.sentences[:3] == (
        "1 of 2 required comparisons pass.",
        "Failed: Old task faq.",
        "Version 1 still serves.",
    )


def test_too_few_queries_are_no_refusal():
    open_ = {**GAIN, "low": -0.01, "holds": False, "needs": 900}
    _, learned, trusted = told((open_, OLD), "inconclusive")
    assert learned.tone == trusted.tone == "open"
    assert "too few queries" in learned.sentences[0]
    assert trusted.sentences[0] == "Because of the data."


@pytest.mark.parametrize(
    ("waits", "short"),
    [
        ("awaiting_approval", "Passed, a person must approve"),
        ("awaiting_index", "Passed, waits for its index"),
        ("awaiting_canary", "Passed, tried on some users first"),
    ],
)
def test_a_candidate_that_waits_is_not_said_to_serve(waits, short):
    assert told(**{waits: True})[2].short == short


def test_a_quiet_cycle_says_that_nothing_exceeded_its_limit():
    signal = {"trigger": "vocabulary", "fired": False, "reason": "r", "p_value": 0.5,
              "effect": 0.1, "threshold": 0.2}  # fmt: skip
    decision = {"train": False, "reasons": ["nothing fired"], "signals": [signal],
                "hit_rates": {"anchor/faq": 0.9}}  # fmt: skip
    drifted, learned, trusted = told(
        outcome="quiet", decision=decision, verdict=None, candidate=None, training=None, lesson=None
    )
    assert (drifted.short, drifted.tone) == ("No drift", "good")
    assert learned.sentences == ("Retrieval today, recall@10: Old task faq 0.900.",)
    assert trusted.short == "Version 2 serves, unchanged"


def test_a_blocked_cycle_is_bad_news_and_waits_for_a_person():
    decision = made_result()["decision"] | {
        "blocked_by": ["data_quality"],
        "cause": {"cause": "data_quality", "why": "w", "answer": "a", "evidence": []},
    }
    drifted = told(outcome="blocked", decision=decision, verdict=None, candidate=None)[0]
    assert (drifted.short, drifted.tone) == ("Broken records", "bad")
    assert "Training waits until somebody has looked at the data." in drifted.sentences


def test_a_drift_that_waits_for_confirmation_says_why_nothing_is_trained():
    decision = made_result()["decision"] | {"train": False, "reasons": ["needs confirmation"]}
    drifted = told(outcome="quiet", decision=decision, verdict=None, candidate=None)[0]
    assert "No training yet: needs confirmation." in drifted.sentences
