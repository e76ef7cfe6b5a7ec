"""Drift too small for any single window."""

from dataclasses import replace

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


def window(seed, later):
    """150 texts, half of them later than the reference; ``later`` of these are on new topics."""
    moments = np.concatenate([np.linspace(0, 400, 75), np.linspace(600, 900, 75)]) * 3600.0
    new = np.concatenate([np.zeros(75), np.full(75, later)])
    return replace(sample(seed, new), timestamps=moments)


def test_later_texts_on_new_ground_are_seen_among_as_many_old_ones():
    found = [SlowDrift().check(Observation(window(seed, 0.4), REFERENCE)) for seed in range(20, 26)]
    assert sum(signal.fired for signal in found) >= 5
    assert "75 of 150 recent texts are later than all of the reference" in found[0].reason


def test_later_texts_on_old_ground_stay_quiet():
    found = [SlowDrift().check(Observation(window(seed, 0.0), REFERENCE)) for seed in range(30, 50)]
    assert all(signal.measured for signal in found)
    assert not any(signal.fired for signal in found)


def test_a_window_wholly_later_than_the_reference_is_left_to_the_other_triggers():
    late = window(60, 0.5)
    late = replace(late, timestamps=late.timestamps + 1e8)
    assert not SlowDrift().check(Observation(late, REFERENCE)).measured
