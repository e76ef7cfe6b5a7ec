"""The system reading its own output."""

import numpy as np
import pytest

from drift_triggers.feedback_loop import FeedbackLoop, concentration, effective_diversity
from drift_triggers.signal import Observation, Sample, Served


def unit(seed, count, spread=1.0):
    rows = np.random.default_rng(seed).normal(size=(count, 16)) * spread
    rows[:, 0] += 1.0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def sample(seed, count, spread=1.0):
    return Sample(tuple(f"text {seed} {row}" for row in range(count)), unit(seed, count, spread))


WIDE = Served(documents=tuple(f"d{n}" for n in range(100)))
TIGHT = Served(documents=tuple(f"d{n % 5}" for n in range(100)))


def test_effective_diversity_counts_different_texts():
    assert effective_diversity(np.eye(10, dtype=np.float32)) == pytest.approx(10.0)
    assert effective_diversity(np.ones((10, 1), np.float32)) == pytest.approx(1.0)


def test_concentration_is_the_chance_of_the_same_document_twice():
    assert concentration(["a", "b", "c"]) == 0.0
    assert concentration(["a", "a", "a"]) == 1.0
    assert concentration(["a", "a", "b", "b"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("spread", "served", "fires"),
    [(0.1, TIGHT, True), (0.1, WIDE, False), (1.0, TIGHT, False), (1.0, WIDE, False)],
)
def test_narrowing_fires_only_where_texts_and_answers_both_narrow(spread, served, fires):
    seen = Observation(
        sample(1, 100, spread), sample(2, 400), served_before=WIDE, served_recently=served
    )
    assert FeedbackLoop().check(seen).fired is fires


def test_a_long_quotation_of_an_answer_counts_as_own_output_and_a_short_one_does_not():
    answer = "to replace a lost card open the app and choose the replace button on the first screen"
    plain = sample(1, 100)
    for said, fires in ((f"{answer} now", True), ("open the app", False), (answer.upper(), True)):
        texts = tuple(f"{said} {row}" if row < 40 else plain.texts[row] for row in range(100))
        seen = Observation(Sample(texts, plain.embeddings), sample(2, 400), own_answers=(answer,))
        signal = FeedbackLoop().check(seen)
        assert signal.fired is fires
        assert signal.blocks is fires


@pytest.mark.parametrize("served", [None, Served(), Served(documents=("d1", "d2"))])
def test_narrowing_says_what_it_lacks_where_only_marks_are_given(served):
    seen = Observation(
        sample(1, 100, 0.1),
        sample(2, 400),
        self_generated=(False,) * 100,
        served_before=served,
        served_recently=served,
    )
    signal = FeedbackLoop().check(seen)
    assert signal.measured
    assert not signal.fired
    assert "narrowing not measured" in signal.reason


def test_new_documents_that_repeat_answers_count_as_own_output():
    answer = "to replace a lost card open the app and choose the replace button on the first screen"
    written = tuple(f"{answer} {n}" if n < 10 else f"another document {n}" for n in range(30))
    seen = Observation(sample(1, 100), sample(2, 400), own_answers=(answer,), new_documents=written)
    signal = FeedbackLoop().check(seen)
    assert signal.blocks
    assert "33% of 30 new documents repeat past answers" in signal.reason
    assert signal.examples[0] == written[0]
    few = Observation(
        sample(1, 100), sample(2, 400), own_answers=(answer,), new_documents=written[:15]
    )
    assert not FeedbackLoop().check(few).fired, "of so few documents a share says little"
