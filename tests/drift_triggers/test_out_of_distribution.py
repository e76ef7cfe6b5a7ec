"""The support view: texts far from all that is known, in exact counts."""

import numpy as np
import pytest
from scipy import stats

from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.signal import Observation, Sample

CENTRES = np.random.default_rng(99).normal(size=(60, 24))
OLD, NEW = np.arange(12), np.arange(12, 24)
TRIGGER = OutOfDistribution()


def sample(seed, count, topics, weights=None, scatter=0.7):
    generator = np.random.default_rng(seed)
    chosen = generator.choice(topics, size=count, p=weights)
    size = np.broadcast_to(scatter, 60)[chosen][:, None]
    embeddings = CENTRES[chosen] + size * generator.normal(size=(count, 24))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    texts = tuple(f"topic {topic} text {seed} {row}" for row, topic in enumerate(chosen))
    return Sample(texts, embeddings.astype(np.float32))


def test_a_surge_far_from_the_reference_fires_and_shows_the_farthest_texts():
    signal = TRIGGER.check(Observation(sample(1, 120, np.r_[OLD, NEW]), sample(2, 400, OLD)))
    assert signal.fired
    assert signal.cause == "concept"
    assert signal.effect > signal.threshold
    assert all(int(text.split()[1]) in NEW for text in signal.examples)


@pytest.mark.parametrize("count", [30, 80, 300])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_fresh_texts_of_the_old_topics_stay_quiet(count, seed):
    signal = TRIGGER.check(Observation(sample(seed, count, OLD), sample(2, 400, OLD)))
    assert not signal.fired


def test_a_surge_of_a_thinly_covered_known_topic_is_a_change_of_mix():
    scatter = np.full(60, 0.3)
    scatter[:2] = 1.2  # Two topics of scattered texts: far from each other, and known.
    rare = np.r_[np.full(2, 0.05), np.full(10, 0.09)]
    surge = np.r_[np.full(2, 0.40), np.full(10, 0.02)]
    reference = sample(2, 800, OLD, rare, scatter)
    signal = TRIGGER.check(Observation(sample(3, 200, OLD, surge, scatter), reference))
    assert signal.effect > signal.threshold
    assert not signal.fired
    assert signal.reason.startswith("only the mix of known topics changed")


def test_p_values_follow_the_uniform_law_or_lie_above_it_when_nothing_changed():
    values = []
    for seed in range(150):
        observation = Observation(sample(2 * seed, 60, OLD), sample(2 * seed + 1, 150, OLD))
        values.append(TRIGGER.check(observation).p_value)
    values = np.array(values)
    for level in (0.01, 0.05, 0.2):
        highest = stats.binom.ppf(0.999, len(values), level)
        assert (values <= level).sum() <= highest


def test_p_values_go_beyond_rounding_when_all_is_new():
    signal = TRIGGER.check(Observation(sample(1, 300, NEW), sample(2, 400, OLD)))
    assert signal.p_value < 1e-50


def test_few_texts_give_a_quiet_answer_that_says_so():
    signal = TRIGGER.check(Observation(sample(1, 5, NEW), sample(2, 400, OLD)))
    assert (signal.fired, signal.measured, signal.p_value) == (False, False, None)
