"""The map of a check: a new topic is a group of its own, far from what is known."""

import numpy as np
import pytest

from drift_triggers import Observation, Sample
from pipeline.observation import text_map

OLD = ("card payment lost", "bank transfer fee", "account interest rate")
NEW = ("flight gate boarding", "hotel room booking")


def sample(encoder, topics, count, seed, sources=()):
    random = np.random.default_rng(seed)
    texts = tuple(
        f"{topics[number % len(topics)]} {random.integers(10_000)}" for number in range(count)
    )
    return Sample(texts, encoder.encode(texts), sources=sources, words=encoder.words(texts))


@pytest.fixture
def drifted(fake_encoder):
    sources = ("app",) * 45 + ("web",) * 45
    return Observation(
        recent=sample(fake_encoder, (*NEW, OLD[0]), 90, 1, sources),
        reference=sample(fake_encoder, OLD, 400, 0),
    )


def test_new_topics_are_groups_that_known_texts_are_no_part_of(drifted):
    found = text_map(drifted)
    fresh = [each for each in found.groups if each.known == 0 and each.recent > 0.2]
    assert len(fresh) >= 2
    assert all(each.far > 0.9 for each in fresh)
    named = {term for each in fresh for term in each.terms}
    assert {"flight", "hotel"} <= named
    assert sum(each.recent for each in found.groups) == pytest.approx(1)
    assert sum(each.known for each in found.groups) == pytest.approx(1)


def test_texts_near_one_another_are_drawn_near_one_another(drifted):
    found = text_map(drifted)
    known, far = np.array(found.known), np.array(found.far)
    apart = np.linalg.norm(known.mean(axis=0) - far.mean(axis=0))
    assert apart > 0.3
    assert 0 < found.kept <= 1
    assert found.far_share == pytest.approx(60 / 90, abs=0.1)


def test_a_map_holds_a_bounded_number_of_texts_and_both_sides_count_alike(fake_encoder):
    found = text_map(
        Observation(
            recent=sample(fake_encoder, OLD, 700, 1), reference=sample(fake_encoder, OLD, 1500, 0)
        )
    )
    assert len(found.known) == len(found.recent) + len(found.far) == 300
    assert found.compared == (
        1500 - _repeated(fake_encoder, 1500, 0),
        700 - _repeated(fake_encoder, 700, 1),
    )
    assert len(found.model_dump_json()) < 40_000


def _repeated(encoder, count, seed):
    return count - len({*sample(encoder, OLD, count, seed).texts})


def test_the_same_observation_gives_the_same_map(drifted):
    assert text_map(drifted) == text_map(drifted)


def test_each_source_has_its_share_of_far_texts_and_its_pieces_per_word(drifted):
    found = text_map(drifted)
    assert {each.source: each.texts for each in found.sources} == {"app": 45, "web": 45}
    assert all(0 <= each.far <= 1 and each.pieces >= 1 for each in found.sources)
    assert found.known_pieces >= 1


def test_too_few_texts_have_no_map(fake_encoder):
    few = sample(fake_encoder, OLD, 9, 1)
    assert text_map(Observation(recent=few, reference=sample(fake_encoder, OLD, 50, 0))) is None


def test_texts_without_any_difference_still_have_a_map(fake_encoder):
    rows = np.tile(np.eye(1, 8, dtype=np.float32), (20, 1))
    same = Sample(tuple(f"text {number}" for number in range(20)), rows)
    found = text_map(Observation(recent=same, reference=same))
    assert len(found.groups) == 1
    assert found.groups[0].distance == pytest.approx(0, abs=1e-5)


def test_texts_without_a_word_have_groups_without_terms(fake_encoder):
    texts = tuple("?" * number for number in range(1, 41))
    same = Sample(texts, fake_encoder.encode(texts))
    found = text_map(Observation(recent=same, reference=same))
    assert all(each.terms == () for each in found.groups)
