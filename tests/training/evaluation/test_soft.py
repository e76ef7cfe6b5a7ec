"""Soft nDCG@10 is nDCG@10 with what nearly ties averaged out, on every model's own scale."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.soft import GAINS, SOFT, soft_ndcg, temperature_of


@st.composite
def searched(draw):
    """Similarities of distinct documents, best first, with grades and the ideal gain."""
    depth = draw(st.integers(2, 30))
    places = draw(st.lists(st.integers(0, 10_000), min_size=depth, max_size=depth, unique=True))
    similarities = np.sort(np.array([places]) / 10_000)[:, ::-1]
    grades = np.array([draw(st.lists(st.integers(0, 2), min_size=depth, max_size=depth))])
    best = -np.sort(-grades[0])[:10]
    return similarities, grades, np.array([best @ GAINS[: len(best)]])


@given(searched())
@settings(deadline=None)
def test_where_nothing_is_softened_it_is_ndcg(found):
    similarities, grades, ideal = found
    top = grades[:, :10]
    plain = (top @ GAINS[: top.shape[1]])[0] / ideal[0] if ideal[0] else 0.0
    assert soft_ndcg(similarities, grades, ideal, 1e-9)[0] == pytest.approx(plain, abs=1e-4)


@given(searched(), st.floats(0.001, 1.0))
@settings(deadline=None)
def test_it_lies_in_the_unit_interval(found, temperature):
    assert 0.0 <= soft_ndcg(*found, temperature)[0] <= 1.0


@given(searched(), st.floats(0.5, 20.0), st.floats(-3.0, 3.0))
@settings(deadline=None)
def test_a_model_whose_similarities_are_stretched_or_shifted_has_the_same_score(
    found, factor, shift
):
    similarities, grades, ideal = found
    moved = similarities * factor + shift
    first, second = (
        soft_ndcg(each, grades, ideal, temperature_of(each, 0.2)) for each in (similarities, moved)
    )
    assert first == pytest.approx(second, abs=2e-4)


@given(st.integers(0, 4), st.floats(0.0, 0.3))
@settings(deadline=None)
def test_an_answer_that_comes_nearer_never_scores_less(place, nearer):
    similarities = np.array([[0.9, 0.8, 0.7, 0.6, 0.5]])
    grades = np.eye(5)[[place]]
    moved = similarities.copy()
    moved[0, place] += nearer
    before, after = (soft_ndcg(each, grades, np.ones(1), 0.05) for each in (similarities, moved))
    assert after[0] >= before[0]


def test_it_is_the_expectation_over_all_orders_of_pairs():
    similarities, temperature = np.array([0.80, 0.77, 0.74, 0.60]), 0.03
    for place in range(4):
        others = np.delete(similarities, place)
        above = 1 / (1 + np.exp(-(others - similarities[place]) / temperature))
        expected = sum(
            np.prod(np.where(outcome, above, 1 - above)) * GAINS[sum(outcome)]
            for outcome in product((False, True), repeat=3)
        )
        found = soft_ndcg(similarities[None], np.eye(4)[[place]], np.ones(1), temperature)
        assert found[0] == pytest.approx(expected, abs=1e-4)


def test_documents_that_tie_share_their_ranks():
    same = np.full((1, 2), 0.5)
    found = soft_ndcg(same, np.array([[1, 0]]), np.ones(1), 0.0)
    assert found[0] == pytest.approx((GAINS[0] + GAINS[1]) / 2, abs=1e-4)


def test_it_stands_beside_the_other_metrics_of_a_scorecard(fake_encoder):
    given_set = EvaluationSet(
        "anchor/cards",
        {"q1": "lost card", "q2": "pay bill", "q3": "nothing alike"},
        {"d1": "i lost my card", "d2": "pay a bill", "d3": "pay the other bill", "d4": "zebra"},
        {"q1": {"d1": 1}, "q2": {"d2": 2, "d3": 1}, "q3": {"d4": 1}},
        {"hard": ("q3",)},
    )
    card = Evaluate().score(fake_encoder, [given_set], dimensions=[8])
    for task in ("anchor/cards", "anchor/cards/hard", "anchor/cards/dim-8"):
        scores = card.tasks[task]
        assert scores.metrics[SOFT].shape == (len(scores.query_ids),)
    scores = card.tasks["anchor/cards"]
    # Four documents tell the temperature: a small share of the differences between them.
    assert scores.metrics[SOFT] == pytest.approx(scores.metrics["ndcg_at_10"], abs=0.2)
    assert not np.array_equal(scores.metrics[SOFT], scores.metrics["ndcg_at_10"])


def test_a_set_without_queries_or_documents_has_no_score(fake_encoder):
    nothing = EvaluationSet("empty", {}, {"d": "x"}, {})
    assert len(Evaluate().score(fake_encoder, [nothing]).tasks["empty"].metrics[SOFT]) == 0
