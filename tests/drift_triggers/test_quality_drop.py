"""Scores then and now."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Observation, Quality, Sample

NONE = Sample((), np.empty((0, 2), np.float32))
THEN = np.random.default_rng(0).uniform(0.2, 1.0, 100)


def check(rates=None, **tasks):
    return QualityDrop().check(Observation(NONE, NONE, quality=tasks, hit_rates=rates or {}))


def test_a_loss_on_one_of_several_tasks_is_found_and_its_queries_shown():
    names = tuple(f"query {row}" for row in range(100))
    worse = THEN.copy()
    worse[:40] *= 0.3
    signal = check(calm=Quality(THEN, THEN), lost=Quality(THEN, worse, queries=names))
    assert signal.fired
    assert "lost: mean score" in signal.reason
    assert set(signal.examples) <= set(names[:40])


def test_a_sure_but_small_loss_may_pass():
    signal = check(golden=Quality(THEN, THEN - 0.02))
    assert not signal.fired
    assert signal.p_value < 1e-6


def test_a_large_but_unsure_loss_stays_quiet():
    noise = np.random.default_rng(1).normal(0.0, 0.4, 20)
    assert not check(golden=Quality(THEN[:20], THEN[:20] - 0.06 + noise)).fired


def test_other_queries_are_compared_without_pairing():
    recent = np.random.default_rng(2).uniform(0.0, 0.6, 70)
    assert check(recent=Quality(THEN, recent, paired=False)).fired


def test_the_hit_rate_over_time_is_told():
    signal = check({"golden": (0.91, 0.88, 0.80)}, golden=Quality(THEN, THEN * 0.7))
    assert "hit rate 0.91 -> 0.88 -> 0.80" in signal.reason


@given(seed=st.integers(0, 10_000), queries=st.integers(20, 120))
@settings(max_examples=60, deadline=None)
def test_gains_never_fire(seed, queries):
    generator = np.random.default_rng(seed)
    before = generator.uniform(0.0, 0.8, queries)
    signal = check(golden=Quality(before, before + generator.uniform(0.0, 0.2, queries)))
    assert not signal.fired
    assert 0.0 < signal.p_value <= 1.0


@pytest.mark.parametrize("paired", [True, False])
def test_scores_without_any_spread_are_judged_by_the_loss_alone(paired):
    ones, halves = np.ones(30), np.full(30, 0.5)
    assert check(golden=Quality(ones, halves, paired=paired)).fired
    assert not check(golden=Quality(ones, ones, paired=paired)).fired
