"""Bounds that hold at every look: errors counted over simulated lives, and what must never fail."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.gate import Canary, Evidence, Guard, Outcomes
from pipeline.gate.anytime import lower_mean, shows_more, upper_mean

SHARES = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1, width=32))


def trial(chance, keys, share, bad):
    """Return the outcomes of keys that were divided by chance; `bad` of (champion, candidate)."""
    candidate = chance.random(keys) < share
    return Outcomes((chance.random(keys) < np.where(candidate, bad[1], bad[0])) * 1.0, candidate)


@given(SHARES, st.floats(0.01, 0.3))
def test_the_bounds_enclose_the_mean_seen(values, alpha):
    low = lower_mean(values, 0.0, alpha, (0.0, 1.0))
    high = upper_mean(values, 1.0, alpha, (0.0, 1.0))
    assert 0.0 <= low <= values.mean() + 1e-6
    assert values.mean() - 1e-6 <= high <= 1.0


@given(SHARES, SHARES, st.floats(0.02, 0.98))
def test_what_was_shown_at_one_look_stays_shown(values, more, mean):
    if shows_more(values, 0.0, mean, 0.05):
        assert shows_more(np.concatenate([values, more]), 0.0, mean, 0.05)


@given(SHARES, st.floats(0.02, 0.5), st.floats(0.0, 0.4))
def test_who_shows_more_than_a_number_shows_more_than_any_below(values, mean, less):
    lower = max(0.01, mean - less)
    assert shows_more(values, 0.0, lower, 0.1) or not shows_more(values, 0.0, mean, 0.1)


def test_long_and_short_logs_are_bounded_alike(monkeypatch):
    values = np.random.default_rng(0).random(5000)
    whole = lower_mean(values, 0.0, 0.05, (0.0, 1.0))
    monkeypatch.setattr("pipeline.gate.anytime._NUMBERS_AT_ONCE", 1000)
    assert lower_mean(values, 0.0, 0.05, (0.0, 1.0)) == pytest.approx(whole)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_harmless_candidate_is_stopped_no_more_often_than_stated(share):
    """Each `shows_more` looks after every key, which is more often than anybody can."""
    chance = np.random.default_rng(7)
    canary = Canary(share=share, confidence=0.8)
    stopped = 0
    for _ in range(150):
        evidence = Evidence(
            failure=trial(chance, 1500, share, (0.6, 0.6)),
            empty=trial(chance, 1500, share, (0.03, 0.03)),
            slow=trial(chance, 1500, share, (0.05, 0.05)),
        )
        stopped += bool(canary.harms(evidence))
    assert stopped / 150 <= 0.2


@pytest.mark.parametrize(
    ("failure", "empty", "slow", "keys", "found"),
    [
        ((0.5, 0.8), (0.02, 0.02), (0.05, 0.05), 1500, "success"),
        ((0.6, 0.6), (0.0, 0.2), (0.05, 0.05), 1000, "empty"),
        ((0.6, 0.6), (0.02, 0.02), (0.05, 0.4), 1000, "slow"),
    ],
)
def test_harm_is_found_and_named(failure, empty, slow, keys, found):
    chance = np.random.default_rng(3)
    canary = Canary(share=0.2)
    named = [
        canary.harms(
            Evidence(
                trial(chance, keys, 0.2, failure),
                trial(chance, keys, 0.2, empty),
                trial(chance, keys, 0.2, slow),
            )
        )
        for _ in range(20)
    ]
    assert named.count(found) >= 19


def test_the_difference_is_bounded_although_both_versions_get_worse_over_the_day():
    chance = np.random.default_rng(5)
    candidate = chance.random(4000) < 0.3
    day = np.linspace(0.2, 0.9, 4000)
    failed = (chance.random(4000) < day) * 1.0
    found = Canary(share=0.3).judge(Evidence(Outcomes(failed, candidate), None, None), 1.0)
    assert found.metrics[0].low <= 0.0 <= found.metrics[0].high
    assert not found.metrics[0].harm


def test_shown_numbers_and_the_quick_look_say_the_same():
    chance = np.random.default_rng(11)
    canary = Canary(share=0.3)
    for bad in ((0.5, 0.5), (0.5, 0.6), (0.5, 0.75)):
        evidence = Evidence(trial(chance, 800, 0.3, bad), None, None)
        found = canary.judge(evidence, 1.0)
        assert (canary.harms(evidence) != "") == (found.decision == "harm")


@pytest.mark.parametrize(
    ("keys", "hours", "decision"),
    [(400, 1, "running"), (400, 80, "in time"), (40, 80, "too few"), (9000, 1, "no worse")],
)
def test_what_follows_from_a_look(keys, hours, decision):
    chance = np.random.default_rng(2)
    evidence = Evidence(trial(chance, keys, 0.5, (0.5, 0.5)), None, None)
    assert Canary(share=0.5).judge(evidence, hours).decision == decision


def test_nothing_is_shown_before_anything_is_known():
    found = Canary(share=0.1).judge(Evidence(None, None, None), 0.0)
    assert (found.decision, found.metrics) == ("running", ())
    assert Guard().loss([], []) == ""


def test_a_harmless_promotion_is_rolled_back_no_more_often_than_stated():
    chance = np.random.default_rng(13)
    guard = Guard(confidence=0.6, max_loss=0.0)
    found = [
        guard.loss((chance.random(200) < 0.5) * 1.0, (chance.random(800) < 0.5) * 1.0)
        for _ in range(60)
    ]
    assert sum(map(bool, found)) / 60 <= 0.2
    harmed = [
        guard.loss((chance.random(500) < 0.6) * 1.0, (chance.random(500) < 0.35) * 1.0)
        for _ in range(10)
    ]
    assert all(harmed)
