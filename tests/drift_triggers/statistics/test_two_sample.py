"""Permutation tests are valid, and agree with the plain definitions they replace."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_triggers.statistics.two_sample import (
    STRIP,
    PermutationTest,
    kernel_two_sample,
    permuted_labels,
    rbf_kernel,
)


def cloud(seed, count, shift=0.0, dimensions=6):
    return np.random.default_rng(seed).normal(shift, 1.0, (count, dimensions)).astype(np.float32)


def plain_discrepancy(kernel, labels):
    first, second = kernel[~labels][:, ~labels], kernel[labels][:, labels]
    across = kernel[~labels][:, labels]
    m, n = len(first), len(second)
    return (
        (first.sum() - np.trace(first)) / (m * (m - 1))
        + (second.sum() - np.trace(second)) / (n * (n - 1))
        - 2 * across.mean()
    )


def test_every_column_of_the_one_product_is_the_discrepancy_of_its_labels():
    generator = np.random.default_rng(0)
    kernel = rbf_kernel(cloud(1, 60))
    labels = np.arange(60) >= 40
    columns = permuted_labels(generator, labels, 30)
    test = kernel_two_sample(kernel, labels, columns)
    exact = kernel.astype(np.float64)
    assert test.statistic == pytest.approx(plain_discrepancy(exact, labels), abs=1e-6)
    for column, value in zip(columns.T, test.null, strict=True):
        assert value == pytest.approx(plain_discrepancy(exact, column > 0.5), abs=1e-6)


def test_a_kernel_of_several_strips_gives_the_plain_discrepancy():
    rows = STRIP + STRIP // 2
    kernel = np.random.default_rng(2).random((rows, rows), dtype=np.float32)
    kernel += kernel.T
    labels = np.arange(rows) >= STRIP - 100
    columns = permuted_labels(np.random.default_rng(3), labels, 3)
    exact = kernel.astype(np.float64)
    values = kernel_two_sample(kernel, labels, columns).null
    for column, value in zip(columns.T, values, strict=True):
        assert value == pytest.approx(plain_discrepancy(exact, column > 0.5), abs=1e-6)


def test_the_kernel_is_symmetric_with_three_on_its_diagonal():
    kernel = rbf_kernel(cloud(2, 50))
    assert np.allclose(kernel, kernel.T, atol=1e-6)
    assert np.allclose(np.diag(kernel), 3.0, atol=1e-3)
    assert kernel.min() > 0.0


@given(
    second=st.integers(2, 30),
    first=st.integers(2, 60),
    block=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
@settings(max_examples=40, deadline=None)
def test_permuted_labels_keep_the_size_of_the_second_sample(second, first, block, seed):
    labels = np.arange(first + second) >= first
    columns = permuted_labels(np.random.default_rng(seed), labels, 20, block=block)
    assert columns.shape == (first + second, 20)
    assert set(np.unique(columns)) <= {0.0, 1.0}
    assert (columns.sum(axis=0) == second).all()


@given(seed=st.integers(0, 1000), groups=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_labels_permuted_within_strata_keep_the_mix_of_strata(seed, groups):
    generator = np.random.default_rng(seed)
    strata, labels = generator.integers(groups, size=80), generator.random(80) < 0.4
    columns = permuted_labels(generator, labels, 10, strata=strata)
    for group in range(groups):
        chosen = strata == group
        assert (columns[chosen].sum(axis=0) == labels[chosen].sum()).all()


def test_neighbours_keep_together_when_labels_are_permuted_in_blocks():
    labels = np.arange(400) >= 300
    columns = permuted_labels(np.random.default_rng(0), labels, 200, block=20)
    changes = np.abs(np.diff(columns, axis=0)).sum(axis=0)
    assert changes.mean() < 15
    assert np.abs(columns.mean(axis=1) - 0.25).max() < 0.15


def test_the_p_value_counts_the_observed_labelling_itself():
    test = PermutationTest(5.0, np.array([1.0, 5.0, 6.0, 2.0]))
    assert test.p_value == pytest.approx(3 / 5)


def test_false_alarms_at_five_percent_are_five_percent():
    hits = 0
    for seed in range(300):
        rows = cloud(seed, 60)
        labels = np.arange(60) >= 35
        generator = np.random.default_rng(seed + 5000)
        columns = permuted_labels(generator, labels, 99)
        hits += kernel_two_sample(rbf_kernel(rows), labels, columns).p_value <= 0.05
    # Binomial(300, 0.05): 99.9 % of draws lie between 4 and 29.
    assert 4 <= hits <= 29


def test_the_fitted_tail_goes_on_where_counting_ends_and_never_claims_more_by_counting():
    generator = np.random.default_rng(3)
    null = generator.gamma(4.0, 1.0, 1000)
    far = PermutationTest(25.0, null)
    assert far.p_value == pytest.approx(1 / 1001)
    # The gamma law itself puts 1.6e-8 beyond 25.
    assert 1.6e-8 < far.tail_p_value < 1e-5
    near = PermutationTest(float(np.quantile(null, 0.9)), null)
    assert near.tail_p_value == near.p_value


def test_a_constant_null_gives_no_fit():
    assert PermutationTest(1.0, np.zeros(99)).tail_p_value == pytest.approx(0.01)


def test_one_row_is_no_sample():
    with pytest.raises(ValueError, match="at least 2 rows, got 4 and 1"):
        labels = np.arange(5) >= 4
        kernel_two_sample(rbf_kernel(cloud(0, 5)), labels, np.zeros((5, 0), np.float32))
