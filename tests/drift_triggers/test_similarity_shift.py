"""Cosines of what was served."""

import numpy as np
import pytest

from drift_triggers.signal import Observation, Sample, Served
from drift_triggers.similarity_shift import SimilarityShift

NONE = Sample((), np.empty((0, 2), np.float32))
BEFORE = np.random.default_rng(0).uniform(0.4, 0.9, 400)


def check(now, before=BEFORE):
    seen = Observation(NONE, NONE, served_before=Served(before), served_recently=Served(now))
    return SimilarityShift().check(seen)


def test_sinking_cosines_fire_and_rising_ones_do_not():
    now = np.random.default_rng(1).uniform(0.4, 0.9, 150)
    assert check(now - 0.15).fired
    assert not check(now + 0.09).fired
    assert not check(now).fired


def test_ups_and_downs_of_the_past_are_part_of_quiet():
    waves = BEFORE - 0.2 * (np.arange(400) // 100 % 2)
    assert not check(BEFORE[:100] - 0.2, waves).fired


def test_few_answers_give_a_quiet_signal_that_says_so():
    assert not check(BEFORE[:5] - 0.3).measured


def test_a_cosine_beyond_one_is_refused():
    with pytest.raises(ValueError, match=r"served_recently.cosines must be numbers in \[-1, 1\]"):
        check(BEFORE + 1.0)


def test_margins_and_near_identical_queries_are_told_beside_the_cosines():
    cosines = np.random.default_rng(0).normal(0.7, 0.1, 80).clip(-1, 1)
    before = Served(cosines, margins=cosines / 10, repeats=np.array([[0.99, 1.0], [0.97, 0.8]]))
    now = Served(cosines, margins=cosines / 20, repeats=np.array([[0.90, 0.3]]))
    seen = Observation(NONE, NONE, served_before=before, served_recently=now)
    reason = SimilarityShift().check(seen).reason
    assert "margin to the second document 0.07" in reason
    assert "share 90% -> 30% of their documents (cosine 0.980 -> 0.900)" in reason
