"""The chance to pass is that of the gate's own bound, and what is proposed reaches its power."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.gate.bounds import lower_bound
from pipeline.gate.chances import (
    POWER,
    Expected,
    bounds_of_counts,
    chance_to_pass,
    proposed_margin,
    proposed_queries,
)
from pipeline.gate.gate import Gate

steps = st.lists(
    st.sampled_from([0.0, 0.0, 0.0, 0.37, -0.37, 0.13, -0.13, 0.5, -1.0]), min_size=30, max_size=300
)


@settings(max_examples=60, deadline=None)
@given(steps, st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([0.2, 0.5, 1.0]))
def test_the_expanded_bound_is_that_of_the_gate(drawn, confidence, worst):
    differences = np.array(drawn)
    values, counts = np.unique(differences, return_counts=True)
    (found,) = bounds_of_counts(counts[None, :], values, confidence, worst_loss=worst)
    low = lower_bound(differences, confidence, worst_loss=worst, seed=0)
    assert found == pytest.approx(low, abs=0.05 * (differences.mean() - low))


@given(st.floats(0.0, 0.6), st.floats(-0.4, 0.4))
def test_expected_differences_have_the_mean_and_the_spread_asked_for(spread, mean):
    made = Expected.of(spread, mean)
    assert made.shares.min() >= 0.0
    assert made.shares.sum() == pytest.approx(1.0)
    assert made.shares @ made.values == pytest.approx(mean, abs=1e-9)
    assert made.shares @ made.values**2 - mean**2 == pytest.approx(spread**2, abs=1e-9)


@pytest.mark.parametrize(("queries", "moved"), [(60, 0.05), (100, 0.2), (300, 0.2), (500, 0.4)])
def test_equal_candidates_pass_as_often_as_predicted(queries, moved):
    generator = np.random.default_rng(queries)
    sizes = np.array([0.0, 0.37, -0.37, 0.13, -0.13, 0.63, -0.63])
    shares = np.array([1 - moved, *(moved * np.array([1, 1, 0.6, 0.6, 0.4, 0.4]) / 4)])
    spread = float(np.sqrt(shares @ sizes**2))
    gate = Gate(max_drop=0.03)
    low = [
        lower_bound(
            generator.choice(sizes, queries, p=shares),
            gate.confidence,
            worst_loss=gate.worst_loss,
            seed=0,
            draws=2000,
        )
        for _ in range(400)
    ]
    passed = np.mean(np.array(low) > -0.03)
    assert chance_to_pass(gate, queries, -0.03, spread=spread) == pytest.approx(passed, abs=0.08)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.16, 0.4])
@pytest.mark.parametrize("queries", [30, 90, 400])
def test_the_proposed_margin_is_the_smallest_plain_one_that_four_of_five_pass(queries, spread):
    gate = Gate()
    margin = proposed_margin(gate, queries, spread=spread)
    assert chance_to_pass(gate, queries, -margin, spread=spread) >= POWER
    assert chance_to_pass(gate, queries, 0.005 - margin, spread=spread) < POWER
    assert round(margin / 0.005, 6).is_integer()


@pytest.mark.parametrize(("spread", "mean", "threshold"), [(0.16, 0, -0.02), (0.2, 0.05, 0.0)])
def test_the_proposed_number_of_queries_is_enough_and_not_twice_enough(spread, mean, threshold):
    gate = Gate()
    queries = proposed_queries(gate, threshold, spread=spread, mean=mean)
    chances = [
        chance_to_pass(gate, size, threshold, spread=spread, mean=mean)
        for size in (queries, queries // 2)
    ]
    assert chances[0] >= POWER - 0.02
    assert chances[1] < POWER


def test_too_few_queries_never_pass_and_no_margin_is_proposed():
    gate = Gate(minimum_queries=50)
    assert chance_to_pass(gate, 49, -0.9, spread=0.01) == 0.0
    assert proposed_margin(gate, 49, spread=0.01) is None
    assert proposed_queries(gate, -0.9, spread=0.01) >= 50


def test_a_mean_below_what_is_required_has_no_number_of_queries():
    assert proposed_queries(Gate(), -0.02, spread=0.1, mean=-0.03) is None
