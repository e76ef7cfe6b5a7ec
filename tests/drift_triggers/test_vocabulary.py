"""How finely the tokenizer cuts, and which terms are new."""

import numpy as np

from drift_triggers.signal import Observation, Sample
from drift_triggers.vocabulary import Vocabulary

KNOWN = [("card", 1), ("money", 1), ("transfer", 1), ("contactless", 3), ("bank", 1), ("fee", 1)]


def sample(seed, count, extra=None, share=1.0, unknown=False):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = []
    for number in range(count):
        line = [(*KNOWN[place], False) for place in generator.integers(len(KNOWN), size=6)]
        if extra and generator.random() < share:
            line.append((*extra, unknown))
        words.append((*line, (f"{number}", 1, False)))
    texts = tuple(" ".join(word for word, _, _ in line) for line in words)
    return Sample(texts, rows, words=tuple(words))


def check(**changes):
    return Vocabulary().check(Observation(sample(1, 150, **changes), sample(2, 400)))


def test_the_old_words_in_another_order_stay_quiet():
    assert not check().fired


def test_a_shattered_new_term_fires_and_is_listed_with_its_counts():
    signal = check(extra=("agentic", 2), share=0.5)
    assert signal.fired
    assert signal.examples[0].startswith("agentic (2 pieces, ")
    assert "1 new terms" in signal.reason


def test_a_new_term_in_few_texts_is_listed_but_does_not_fire():
    signal = check(extra=("agentic", 2), share=0.1)
    assert not signal.fired
    assert signal.examples[0].startswith("agentic")


def test_a_new_word_that_the_tokenizer_knows_is_no_case_for_the_vocabulary():
    assert not check(extra=("plane", 1)).fired


def test_unknown_pieces_weigh_like_a_word_in_three():
    signal = check(extra=("\u2603", 1), unknown=True)
    assert signal.fired
    assert "unknown pieces 0% -> 100%" in signal.reason


def test_numbers_are_no_terms():
    assert not check(extra=("20261122", 4), share=0.15).examples


def test_without_words_there_is_nothing_to_look_at():
    bare = sample(1, 50)
    signal = Vocabulary().check(Observation(Sample(bare.texts, bare.embeddings), sample(2, 50)))
    assert (signal.fired, signal.measured, signal.p_value) == (False, False, None)
