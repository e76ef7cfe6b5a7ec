"""Drift too small for any single window."""

import numpy as np

from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.signal import Observation, Sample
from drift_triggers.slow_drift import SlowDrift

CENTRES = np.random.default_rng(9).normal(size=(24, 16))


def sample(seed, new):
    """One text a row; ``new`` is the probability per row that its topic is new."""
    generator = np.random.default_rng(seed)
    topics = generator.integers(12, size=len(new)) + 12 * (generator.random(len(new)) < new)
    rows = CENTRES[topics] + 0.7 * generator.normal(size=(len(new), 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts = tuple(f"text {seed} {row}" for row in range(len(new)))
    return Sample(texts, rows.astype(np.float32), timestamps=np.arange(len(new)) * 3600.0)


REFERENCE = sample(1, np.zeros(500))


def test_a_drift_that_no_day_shows_is_seen_over_the_long_window():
    new = np.linspace(0.0, 0.25, 1200)
    days = [sample(100 + day, new[30 * day : 30 * day + 30]) for day in range(40)]
    alone = [OutOfDistribution().check(Observation(day, REFERENCE)).fired for day in days]
    assert sum(alone) <= 2
    history = sample(2, new)
    signal = SlowDrift().check(Observation(days[-1], REFERENCE, history=history))
    assert signal.fired
    assert signal.cause == "temporal"
    assert "rises with time" in signal.reason


def test_a_long_quiet_history_stays_quiet():
    for seed in range(3, 8):
        history = sample(seed, np.zeros(1200))
        assert not SlowDrift().check(Observation(REFERENCE, REFERENCE, history=history)).fired


def test_new_topics_from_the_first_day_on_are_no_trend():
    history = sample(8, np.full(1200, 0.3))
    signal = SlowDrift().check(Observation(REFERENCE, REFERENCE, history=history))
    assert not signal.fired


def test_without_history_nothing_is_measured():
    assert not SlowDrift().check(Observation(REFERENCE, REFERENCE)).measured


def test_too_short_a_latest_part_is_not_measured():
    seen = Observation(REFERENCE, REFERENCE, history=sample(8, np.zeros(150)))
    signal = SlowDrift(latest_share=0.1).check(seen)
    assert (signal.measured, signal.p_value) == (False, None)
