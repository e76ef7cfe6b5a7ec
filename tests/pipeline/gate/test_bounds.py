"""The bounds are exact where an exact bound is known, and never narrower than the data allow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.gate.bounds import lower_bound, queries_to_clear, upper_bound, visible_drop


@pytest.mark.parametrize(("queries", "lost"), [(30, 0), (30, 1), (100, 3), (300, 0), (300, 12)])
def test_for_total_losses_the_bound_is_that_of_clopper_and_pearson(queries, lost):
    differences = np.zeros(queries)
    differences[:lost] = -1.0
    low = lower_bound(differences, 0.95, worst_loss=1.0, seed=0, draws=200_000)
    assert low == pytest.approx(-stats.beta.ppf(0.95, lost + 1, queries - lost), rel=0.02)


def test_without_a_loss_the_bound_is_the_rule_of_three():
    for worst in (0.3, 1.0):
        low = lower_bound(np.zeros(100), 0.95, worst_loss=worst, seed=1)
        assert low == pytest.approx(-worst * (1 - 0.05 ** (1 / 100)), rel=0.03)


def test_with_many_queries_the_bound_approaches_that_of_the_normal_distribution():
    differences = np.random.default_rng(0).normal(0.01, 0.1, 20_000).clip(-1, 1)
    normal = differences.mean() - stats.norm.ppf(0.95) * differences.std() / np.sqrt(20_000)
    low = lower_bound(differences, 0.95, worst_loss=0.5, seed=0, draws=5000)
    assert low == pytest.approx(normal, abs=2e-4)


def test_a_loss_seen_that_is_worse_than_assumed_counts_as_seen():
    differences = np.zeros(100)
    differences[0] = -0.9
    assert lower_bound(differences, 0.95, worst_loss=0.1, seed=0) == lower_bound(
        differences, 0.95, worst_loss=0.9, seed=0
    )


values = st.lists(st.sampled_from([0.0, 0.0, 0.37, -0.37, 0.13, -1.0]), min_size=1, max_size=60)


@settings(max_examples=50, deadline=None)
@given(values, st.sampled_from([0.1, 0.5, 1.0]))
def test_bounds_enclose_the_mean_repeat_and_mirror(drawn, worst):
    differences = np.array(drawn)
    low = lower_bound(differences, 0.95, worst_loss=worst, seed=3, draws=2000)
    high = upper_bound(differences, 0.95, worst_loss=worst, seed=3, draws=2000)
    assert low <= differences.mean() <= high
    assert low == lower_bound(differences, 0.95, worst_loss=worst, seed=3, draws=2000)
    assert high == -lower_bound(-differences, 0.95, worst_loss=worst, seed=3, draws=2000)


def test_the_order_of_the_queries_does_not_matter():
    differences = np.random.default_rng(0).choice([0.0, 0.37, -0.5], size=80)
    for each in (differences[::-1], np.sort(differences)):
        assert lower_bound(each, 0.95, worst_loss=0.5, seed=0) == lower_bound(
            differences, 0.95, worst_loss=0.5, seed=0
        )


def test_as_many_queries_as_are_said_to_be_needed_do_clear_the_threshold():
    differences = np.repeat([0.0, 0.37, -0.37], [80, 11, 9])
    needed = queries_to_clear(differences, -0.01, 0.95, worst_loss=0.5, seed=0)
    low = {
        queries: lower_bound(differences, 0.95, worst_loss=0.5, seed=5, queries=queries)
        for queries in (int(0.9 * needed), int(1.1 * needed))
    }
    assert [each > -0.01 for each in low.values()] == [False, True]


def test_an_equal_candidate_passes_the_visible_drop_in_four_of_five_trials():
    generator = np.random.default_rng(0)
    population = np.array([0.0, 0.37, -0.37])
    shares = [0.8, 0.1, 0.1]
    spread = np.sqrt(0.2) * 0.37
    margin = visible_drop(300, spread, 0.95, worst_loss=0.5)
    passed = [
        lower_bound(
            generator.choice(population, size=300, p=shares),
            0.95,
            worst_loss=0.5,
            seed=0,
            draws=2000,
        )
        > -margin
        for _ in range(400)
    ]
    assert np.mean(passed) == pytest.approx(0.8, abs=0.06)
