"""Sources: their shares are told, a shift inside one fires where it is asked for."""

import numpy as np

from drift_triggers.signal import Observation, Sample
from drift_triggers.source_shift import SourceShift

CENTRES = np.random.default_rng(42).normal(size=(24, 24))
OLD, NEW = np.arange(12), np.arange(12, 24)


def sample(seed, *parts):
    """Texts of parts (source, count, topics)."""
    generator = np.random.default_rng(seed)
    topics = np.concatenate([generator.choice(chosen, count) for _, count, chosen in parts])
    rows = CENTRES[topics] + 0.7 * generator.normal(size=(len(topics), 24))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    sources = tuple(name for name, count, _ in parts for _ in range(count))
    texts = tuple(f"topic {topic} text {seed} {row}" for row, topic in enumerate(topics))
    return Sample(texts, rows.astype(np.float32), sources)


REFERENCE = sample(1, ("app", 400, OLD), ("mail", 80, OLD[:6]))


def check(recent, **settings):
    return SourceShift(**settings).check(Observation(recent, REFERENCE))


def test_a_shift_inside_a_small_source_fires_and_is_named_where_it_is_asked_for():
    recent = sample(2, ("app", 300, OLD), ("mail", 40, NEW))
    signal = check(recent, inside=True)
    assert signal.fired
    assert signal.cause == "concept"
    assert signal.reason.startswith("source 'mail' shifted")
    assert all(int(text.split()[1]) in NEW for text in signal.examples)
    quiet = check(recent)
    assert not quiet.fired
    assert quiet.p_value is None


def test_another_mix_of_known_sources_is_told_and_does_not_fire():
    signal = check(sample(3, ("app", 60, OLD), ("mail", 240, OLD[:6])), inside=True)
    assert not signal.fired
    assert "mail 17% -> 80%" in signal.reason


def test_a_new_source_on_known_ground_is_told_and_does_not_fire():
    signal = check(sample(4, ("app", 200, OLD), ("voice", 100, OLD)), inside=True)
    assert not signal.fired
    assert "voice 0% -> 33%" in signal.reason


def test_each_source_counts_in_the_p_value():
    names = [f"site {number}" for number in range(5)]
    reference = sample(5, *((name, 60, OLD) for name in names))
    recent = sample(6, *((name, 60, OLD) for name in names))
    signal = SourceShift(inside=True).check(Observation(recent, reference))
    assert not signal.fired
    assert "changed most of 5" in signal.reason
    assert signal.p_value is not None


def test_shares_that_hardly_moved_are_not_told():
    signal = check(sample(7, ("app", 300, OLD), ("mail", 70, OLD[:6])))
    assert (signal.fired, signal.measured, signal.p_value) == (False, True, None)


def test_without_sources_there_is_nothing_to_look_at():
    recent = sample(8, ("", 50, OLD))
    assert not check(recent, inside=True).measured


def test_sources_too_small_to_look_into_are_said_to_be_so():
    signal = check(sample(9, ("app", 300, OLD), ("mail", 10, NEW)), inside=True)
    assert not signal.fired
    assert "'app'" in signal.reason or "no source has enough texts" in signal.reason
