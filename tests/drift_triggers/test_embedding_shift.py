"""The density view: new ground fires; repetition, another mix and other topics alike do not."""

import numpy as np
import pytest

from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.signal import Observation, Sample

QUICK = EmbeddingShift(permutations=299)
CENTRES = np.random.default_rng(99).normal(size=(60, 24))


def sample(seed, count, topics, weights=None, scatter=0.7, timestamps=None):
    generator = np.random.default_rng(seed)
    chosen = generator.choice(topics, size=count, p=weights)
    if timestamps is not None:
        chosen = np.repeat(chosen[: -(-count // timestamps)], timestamps)[:count]
    embeddings = CENTRES[chosen] + scatter * generator.normal(size=(count, 24))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    texts = tuple(f"topic {topic} text {seed} {row}" for row, topic in enumerate(chosen))
    times = None if timestamps is None else np.arange(count) * 60.0 + seed
    return Sample(texts, embeddings.astype(np.float32), timestamps=times)


OLD, NEW = np.arange(12), np.arange(12, 24)


def test_new_topics_fire_and_show_texts_of_the_new_topics():
    signal = QUICK.check(Observation(sample(1, 200, NEW), sample(2, 400, OLD)))
    assert signal.fired
    assert signal.cause == "concept"
    assert signal.p_value < 1e-5
    assert all(int(text.split()[1]) in NEW for text in signal.examples)
    assert "intra-cluster distance" in signal.reason


def test_half_new_windows_fire():
    recent = sample(1, 300, np.r_[OLD, NEW])
    assert QUICK.check(Observation(recent, sample(2, 400, OLD))).fired


@pytest.mark.parametrize("count", [30, 80, 300])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_fresh_texts_of_the_old_topics_stay_quiet(count, seed):
    signal = QUICK.check(Observation(sample(seed, count, OLD), sample(2, 400, OLD)))
    assert not signal.fired
    assert signal.cause is None


def test_a_retry_loop_counts_once_and_is_told():
    quiet = sample(3, 150, OLD)
    rows = np.r_[np.arange(150), np.zeros(50, int)]
    burst = Sample(tuple(quiet.texts[row] for row in rows), quiet.embeddings[rows])
    signal = QUICK.check(Observation(burst, sample(2, 400, OLD)))
    assert not signal.fired
    assert "26% of the texts repeat" in signal.reason


def test_another_mix_of_known_topics_is_told_but_does_not_fire():
    weights = np.r_[np.full(3, 0.3), np.full(9, 0.1 / 9)]
    signal = QUICK.check(Observation(sample(4, 250, OLD, weights), sample(2, 600, OLD)))
    assert not signal.fired
    assert signal.reason.startswith("only the mix of known topics changed")


def test_topic_bursts_in_time_are_part_of_quiet_where_the_past_has_them():
    recent = sample(5, 200, OLD, timestamps=20)
    reference = sample(6, 1000, OLD, timestamps=20)
    assert not QUICK.check(Observation(recent, reference)).fired


def test_few_texts_give_a_quiet_answer_that_says_so():
    signal = QUICK.check(Observation(sample(1, 5, NEW), sample(2, 400, OLD)))
    assert not signal.fired
    assert (signal.measured, signal.p_value) == (False, None)


def test_a_large_reference_is_sampled_and_the_reason_says_so():
    trigger = EmbeddingShift(permutations=99, largest_sample=200)
    signal = trigger.check(Observation(sample(1, 100, NEW), sample(2, 1000, OLD)))
    assert "200 (sampled of 1000)" in signal.reason


def test_two_texts_over_and_over_are_too_few():
    rows = sample(1, 2, OLD)
    again = Sample(rows.texts * 50, np.tile(rows.embeddings, (50, 1)))
    signal = QUICK.check(Observation(again, sample(2, 400, OLD)))
    assert not signal.measured
