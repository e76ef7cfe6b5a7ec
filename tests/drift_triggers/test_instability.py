"""Stability of embeddings under changes that mean nothing, at equal length of the texts."""

import numpy as np
import pytest

from drift_triggers.instability import Instability
from drift_triggers.signal import Observation, Sample, Stability


def sample(seed, count, shortest=3, longest=12):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 12))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    sizes = generator.integers(shortest, longest, size=count)
    texts = tuple(" ".join(["word"] * int(size)) for size in sizes)
    return Sample(texts, rows.astype(np.float32))


def stability(seed, texts, lower=0.0):
    """Long texts hardly notice one word; short ones do."""
    generator = np.random.default_rng(seed)
    sizes = np.array([len(text.split()) for text in texts.texts])
    cosines = 1.0 - 0.3 / sizes - lower + 0.02 * generator.normal(size=len(sizes))
    return Stability(np.arange(len(sizes)), cosines.clip(-1, 1))


REFERENCE = sample(1, 200)


def check(recent, lower=0.0, **settings):
    seen = Observation(
        recent,
        REFERENCE,
        recent_stability=stability(3, recent, lower),
        reference_stability=stability(4, REFERENCE),
    )
    return Instability(**settings).check(seen)


def test_texts_that_move_farther_than_others_of_their_length_fire():
    signal = check(sample(2, 150), lower=0.05)
    assert signal.fired
    assert signal.cause == "vocabulary"
    assert len(signal.examples) == 5


@pytest.mark.parametrize("seed", range(5))
def test_shorter_texts_alone_are_no_instability(seed):
    short = sample(10 + seed, 150, shortest=3, longest=5)
    assert not check(short).fired


def test_texts_shorter_than_any_of_the_reference_are_ranked_among_its_shortest():
    assert check(sample(2, 150, shortest=1, longest=3)).effect is not None


def test_few_texts_give_a_quiet_answer_that_says_so():
    assert not check(sample(2, 49), lower=0.3).measured


def test_false_alarms_at_five_percent_are_at_most_about_five_percent():
    hits = 0
    for seed in range(200):
        recent, reference = sample(100 + seed, 60), sample(500 + seed, 100)
        seen = Observation(
            recent,
            reference,
            recent_stability=stability(1000 + seed, recent),
            reference_stability=stability(2000 + seed, reference),
        )
        hits += (Instability(splits=20).check(seen).p_value or 1.0) <= 0.05
    # Binomial(200, 0.05): 99.9 % of draws lie below 22.
    assert hits < 22
