"""The gate promotes what holds, refuses what harms, and says when the data cannot tell."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.gate.gate import Gate
from training.evaluation.scorecard import Scorecard, TaskScores


def task(values, *, digest="set", prefix="q", metric="ndcg_at_10", precision="float32"):
    values = np.asarray(values, dtype=np.float64)
    ids = tuple(f"{prefix}{i}" for i in range(len(values)))
    return TaskScores(ids, {metric: values}, digest, precision)


def card(fingerprint, **tasks):
    named = {name.replace("__", "/"): each for name, each in tasks.items()}
    return Scorecard(fingerprint, named)


def moved(queries, losers, gainers, size=0.3690702464285425):
    """Scores of 1 and 1 - size such that as many lose and gain that much, and all others tie."""
    champion = np.full(queries, 1.0)
    candidate = champion.copy()
    candidate[:losers] -= size
    champion[losers : losers + gainers] -= size
    return champion, candidate


OLD = np.full(400, 0.6)
GAIN = task(OLD + 0.1)


def judge_anchor(champion, candidate, **settings):
    return Gate(**settings).judge(
        card("a", new=task(OLD), anchor__past=task(champion)),
        card("b", new=GAIN, anchor__past=task(candidate)),
    )


def test_a_candidate_that_gains_and_holds_is_promoted():
    verdict = judge_anchor(*moved(400, 10, 12))
    assert verdict.promote
    assert verdict.outcome == "promoted"
    assert verdict.reasons[0] == "promoted: all 2 comparisons pass"
    assert [each.rule for each in verdict.comparisons] == ["gain", "no worse"]


def test_a_reason_carries_all_numbers_of_its_comparison():
    verdict = judge_anchor(*moved(400, 10, 12))
    new, anchor = verdict.comparisons
    assert anchor.reason == (
        f"anchor/past: nDCG@10 {anchor.champion:.3f} -> {anchor.candidate:.3f} (difference "
        f"{anchor.difference:+.3f}, 95 % lower bound {anchor.low:+.3f}, above the required -0.020, "
        "400 queries): passes"
    )
    assert anchor.difference == pytest.approx(anchor.candidate - anchor.champion)
    assert anchor.low < anchor.difference < anchor.high
    assert set(verdict.reasons[1:]) == {new.reason, anchor.reason}


def test_a_clear_loss_on_an_anchor_set_is_rejected_whatever_the_gain():
    verdict = judge_anchor(*moved(400, 120, 0))
    assert verdict.outcome == "rejected"
    assert verdict.reasons[1].startswith("anchor/past: ")
    assert verdict.reasons[1].endswith("got worse")
    assert verdict.comparisons[1].fails


def test_an_anchor_set_too_small_for_its_scatter_is_inconclusive_and_says_what_it_needs():
    champion, candidate = moved(100, 15, 15)
    verdict = judge_anchor(champion, candidate)
    anchor = verdict.comparisons[1]
    assert verdict.outcome == "inconclusive"
    assert not verdict.promote
    assert anchor.needs > 100
    assert f"with {anchor.needs} queries like these in all" in anchor.reason
    times = -(-anchor.needs // 100)
    assert judge_anchor(np.tile(champion, times), np.tile(candidate, times)).promote
    assert not judge_anchor(np.tile(champion, times // 2), np.tile(candidate, times // 2)).promote


def test_a_mean_that_is_itself_short_needs_no_number_of_queries():
    verdict = judge_anchor(*moved(100, 18, 9))
    anchor = verdict.comparisons[1]
    assert verdict.outcome == "inconclusive"
    assert anchor.needs is None
    assert "the mean itself is below" in anchor.reason


@pytest.mark.parametrize("queries", [2, 10, 29])
def test_a_handful_of_queries_never_supports_a_candidate(queries):
    verdict = judge_anchor(np.full(queries, 0.5), np.full(queries, 0.9))
    assert verdict.outcome == "inconclusive"
    assert "at least 30 queries are required" in verdict.reasons[1]
    assert verdict.comparisons[1].needs == 30


def test_identical_rankings_hold_once_a_rare_loss_would_have_shown():
    same = np.full(400, 0.7)
    verdict = judge_anchor(same, same)
    assert verdict.promote
    few = judge_anchor(same[:40], same[:40])
    assert few.outcome == "inconclusive"
    # 1 - 0.05 ** (1 / n) times the loss of 0.5 must be below 0.02.
    assert few.comparisons[1].needs == pytest.approx(74, abs=3)
    assert judge_anchor(same[:40], same[:40], max_drop=0.05).promote


def test_an_estimate_without_gain_on_the_new_task_is_rejected():
    verdict = Gate().judge(
        card("a", new=task(OLD), anchor__past=task(OLD)),
        card("b", new=task(OLD), anchor__past=task(OLD)),
    )
    assert verdict.outcome == "rejected"
    assert "no gain above 0.000 was measured" in verdict.reasons[1]


def test_a_gain_that_could_be_chance_is_inconclusive():
    champion, candidate = moved(100, 10, 13)
    verdict = Gate().judge(
        card("a", new=task(champion), anchor__past=task(OLD)),
        card("b", new=task(candidate), anchor__past=task(OLD)),
    )
    assert verdict.outcome == "inconclusive"
    assert verdict.comparisons[0].needs > 100


def test_the_gain_asked_for_must_be_exceeded():
    assert judge_anchor(OLD, OLD, min_gain=0.05).promote
    assert judge_anchor(OLD, OLD, min_gain=0.15).outcome == "rejected"


def test_many_small_losses_meet_the_floor_of_the_origin():
    champion = card("c", new=task(OLD), anchor__past=task(OLD))
    candidate = card("d", new=GAIN, anchor__past=task(OLD - 0.001))
    origin = card("o", new=task(OLD), anchor__past=task(OLD + 0.1))
    verdict = Gate().judge(champion, candidate, origin)
    assert verdict.outcome == "rejected"
    assert [each.rule for each in verdict.comparisons] == ["gain", "no worse", "floor"]
    assert "against the origin" in verdict.reasons[1]
    assert Gate().judge(champion, candidate, champion).promote


def test_a_task_the_origin_was_not_scored_on_has_no_floor():
    champion = card("c", new=task(OLD), anchor__learned=task(OLD))
    candidate = card("d", new=GAIN, anchor__learned=task(OLD))
    assert Gate().judge(champion, candidate, card("o", new=task(OLD))).promote


def test_a_slice_that_alone_gets_worse_stops_the_promotion():
    champion, candidate = moved(60, 30, 0)
    rest = np.full(600, 0.7)
    verdict = Gate().judge(
        card(
            "a",
            new=task(OLD),
            anchor__past=task(np.append(champion, rest)),
            anchor__past__french=task(champion),
        ),
        card(
            "b",
            new=GAIN,
            anchor__past=task(np.append(candidate, rest)),
            anchor__past__french=task(candidate),
        ),
    )
    assert verdict.outcome == "rejected"
    assert verdict.reasons[1].startswith("anchor/past/french: ")


def test_a_margin_of_one_anchor_set_is_in_force_for_its_slices():
    worse = OLD - 0.03
    champion = card("a", new=task(OLD), anchor__past=task(OLD), anchor__past__french=task(OLD))
    candidate = card("b", new=GAIN, anchor__past=task(worse), anchor__past__french=task(worse))
    assert Gate().judge(champion, candidate).outcome == "rejected"
    assert Gate().judge(champion, candidate, margins={"anchor/past": 0.05}).promote
    margins = {"anchor/past": 0.05, "anchor/past/french": 0.01}
    assert Gate().judge(champion, candidate, margins=margins).outcome == "rejected"


def test_a_margin_outside_its_range_is_refused_by_name():
    with pytest.raises(ValueError, match=r"max_drop of anchor/past is -0.1; it must lie in"):
        Gate().judge(card("a"), card("b"), margins={"anchor/past": -0.1})


NEW, PAST = task(OLD), task(OLD)


@pytest.mark.parametrize(
    ("champion", "candidate", "says"),
    [
        (dict(new=NEW), dict(new=GAIN), "there is no anchor set"),
        (
            dict(anchor__past=PAST),
            dict(anchor__past=PAST),
            "there is no evaluation set of the new task",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN),
            "anchor/past: missing from the scores of the candidate",
        ),
        (
            dict(anchor__past=PAST),
            dict(new=GAIN, anchor__past=PAST),
            "new: missing from the scores of the champion",
        ),
        (
            dict(new=NEW, anchor__past=task([])),
            dict(new=GAIN, anchor__past=task([])),
            "anchor/past: the champion was scored on no query",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task([0.5] * 7 + [np.nan] + [0.5] * 392)),
            "anchor/past: the candidate has 1 values of ndcg_at_10 that are not finite, the first "
            "on query q7",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task(OLD, digest="edited")),
            "anchor/past: the candidate was scored on a different evaluation set",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task(OLD, precision="bfloat16")),
            "anchor/past: the candidate was scored in bfloat16, the champion in float32",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task(OLD, prefix="r")),
            "anchor/past: the candidate was scored on different queries",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task(OLD, metric="mrr_at_10")),
            "anchor/past: the candidate has no metric ndcg_at_10; there is: mrr_at_10",
        ),
        (
            dict(new=NEW, anchor__past=PAST),
            dict(new=GAIN, anchor__past=task(OLD + 1)),
            "anchor/past: the candidate has values of ndcg_at_10 outside [0, 1]",
        ),
        (
            dict(new=NEW, anchor__past=PAST, old=PAST),
            dict(new=GAIN, anchor__past=PAST, old=PAST),
            "old: neither a new task (new, new/...) nor an anchor set (anchor/...)",
        ),
    ],
)
def test_scores_that_cannot_be_trusted_are_never_promoted(champion, candidate, says):
    verdict = Gate().judge(card("a", **champion), card("b", **candidate))
    assert verdict.outcome == "rejected"
    assert not verdict.promote
    assert any(says in reason for reason in verdict.reasons)


def test_training_on_what_is_measured_is_never_promoted():
    champion, candidate = (
        card("a", new=NEW, anchor__past=PAST),
        card("b", new=GAIN, anchor__past=PAST),
    )
    verdict = Gate().judge(champion, candidate, leaked=3)
    assert verdict.outcome == "rejected"
    assert "3 training texts are also evaluation queries; none is allowed" in verdict.reasons


def test_an_anchor_set_with_a_margin_but_without_scores_is_named():
    champion, candidate = (
        card("a", new=NEW, anchor__past=PAST),
        card("b", new=GAIN, anchor__past=PAST),
    )
    verdict = Gate().judge(champion, candidate, margins={"anchor/gone": 0.1})
    assert (
        "anchor/gone: missing from the scores of the champion and the candidate" in verdict.reasons
    )


def test_the_verdict_as_json_has_the_keys_of_the_contract():
    verdict = judge_anchor(*moved(400, 10, 12)).to_json()
    assert json.loads(json.dumps(verdict, allow_nan=False)) == verdict
    assert {"promote", "reasons", "comparisons"} <= verdict.keys()
    keys = "task metric champion candidate difference low high queries holds needs"
    assert set(keys.split()) <= verdict["comparisons"][0].keys()


@pytest.mark.parametrize(
    "wrong", [{"max_drop": -0.1}, {"confidence": 0.4}, {"minimum_queries": 0}, {"max_dorp": 0.1}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Gate(**wrong)


differences = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 0.37, -0.37, 0.13, -0.13, 0.5, -1.0]), min_size=1, max_size=80
)


@settings(max_examples=60, deadline=None)
@given(differences)
def test_a_verdict_is_repeatable_and_promotes_only_what_its_bounds_show(values):
    champion = np.clip(-np.array(values), 0, 1)
    verdict = judge_anchor(champion, champion + values)
    assert verdict == judge_anchor(champion, champion + values)
    for each in verdict.comparisons:
        assert each.low <= each.difference <= each.high
    anchor = verdict.comparisons[1]
    assert verdict.promote == (anchor.low > -0.02 and anchor.queries >= 30)


def test_candidates_of_pure_noise_are_promoted_no_more_often_than_the_nominal_rate():
    generator = np.random.default_rng(0)
    promoted = 0
    for _ in range(200):
        new, anchor = generator.choice([0.0, 0.0, 0.0, 0.37, -0.37], size=(2, 200))
        base = np.full(200, 0.5)
        promoted += (
            Gate()
            .judge(
                card("a", new=task(base), anchor__past=task(base)),
                card("b", new=task(base + new), anchor__past=task(base + anchor)),
            )
            .promote
        )
    assert promoted <= 10


def test_twenty_cycles_of_tiny_losses_are_stopped_by_the_floor():
    generator = np.random.default_rng(1)
    origin = champion = generator.choice([0.5, 0.63, 1.0], size=1000)
    slid = 0.0
    for _ in range(20):
        candidate = champion.copy()
        candidate[generator.choice(1000, size=20, replace=False)] *= 0.75
        verdict = Gate().judge(
            card("c", new=task(OLD), anchor__past=task(champion)),
            card("d", new=GAIN, anchor__past=task(candidate)),
            card("o", new=task(OLD), anchor__past=task(origin)),
        )
        if verdict.promote:
            champion = candidate
            slid = float((origin - champion).mean())
    assert 0 < slid < 0.02
