"""Watched terms: another sense fires, more of a known sense does not."""

import numpy as np
import pytest

from drift_triggers.signal import Observation, Sample
from drift_triggers.term_meaning import TermMeaning

CENTRES = np.random.default_rng(43).normal(size=(4, 24))
BESIDE = ("rack disk linux", "table menu wine", "court judge law", "ball net game")


def sample(seed, *parts):
    """Texts of parts (count, term, topic): a term beside the words of a topic."""
    generator = np.random.default_rng(seed)
    texts, rows = [], []
    for count, term, topic in parts:
        words = generator.choice(BESIDE[topic].split(), count)
        texts += [f"{term} {word}, {seed} {number}" for number, word in enumerate(words)]
        rows.append(CENTRES[topic] + 0.7 * generator.normal(size=(count, 24)))
    embeddings = np.vstack(rows)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Sample(tuple(texts), embeddings.astype(np.float32))


REFERENCE = sample(1, (80, "the Server", 0), (200, "some", 2), (60, "a bat", 3))


def check(recent, *terms, reference=REFERENCE):
    return TermMeaning(watch_terms=terms).check(Observation(recent, reference))


def test_another_sense_of_a_term_fires_and_shows_its_neighbours_then_and_now():
    signal = check(sample(2, (60, "my server", 1), (150, "some", 2)), "server")
    assert signal.fired
    assert signal.cause == "temporal"
    assert signal.reason.startswith("'server' is used in another sense")
    before, now = signal.reason.split(" beside ")[1].split(";")[0].split(" -> ")
    assert set(before.split(", ")) & {"'rack'", "'disk'", "'linux'"}
    assert set(now.split(", ")) & {"'table'", "'menu'", "'wine'"}


def test_the_same_sense_more_often_is_told_and_does_not_fire():
    signal = check(sample(3, (120, "my server", 0), (60, "some", 2)), "server")
    assert not signal.fired
    assert "in 80 of 340 -> 120 of 180 texts" in signal.reason


def test_another_mix_of_known_senses_does_not_fire():
    reference = sample(4, (90, "the server", 0), (30, "the server", 1), (200, "some", 2))
    recent = sample(5, (20, "my server", 0), (70, "my server", 1), (150, "some", 2))
    assert not check(recent, "server", reference=reference).fired


def test_of_several_terms_the_one_that_moved_is_named():
    recent = sample(6, (60, "my server", 0), (60, "bat", 1), (60, "some", 2))
    signal = check(recent, "server", "bat")
    assert signal.fired
    assert signal.reason.startswith("'bat' is used in another sense")
    assert "'server' in" in signal.reason


def test_a_term_in_few_texts_is_counted_and_not_judged():
    signal = check(sample(7, (10, "my server", 1), (150, "some", 2)), "server")
    assert not signal.fired
    assert signal.p_value is None
    assert not signal.measured


def test_only_whole_words_count():
    signal = check(sample(8, (60, "my servers", 1), (150, "some", 2)), "server")
    assert "-> 0 of 210 texts" in signal.reason


def test_a_term_without_letters_is_refused():
    with pytest.raises(ValueError, match="must contain letters or digits, got"):
        check(REFERENCE, "?!")
