"""Neighbourhoods, topics and quiet splits of the reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_triggers.signal import Sample
from drift_triggers.statistics.geometry import Geometry
from drift_triggers.statistics.known_ground import KnownGround
from drift_triggers.statistics.view import View, correlation_range, distinct_rows, most_repeated


def unit(seed, count, dimensions=8, shift=0.0):
    rows = np.random.default_rng(seed).normal(shift, 1.0, (count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_repetitions_in_another_case_or_punctuation_count_once():
    texts = ("Where is it?", "where is IT", " Where  is it!", "elsewhere", "???", "!!!")
    assert distinct_rows(texts, range(6)).tolist() == [0, 3, 4, 5]
    assert most_repeated(texts) == ("Where is it?", 0.5)


def test_a_view_is_in_time_order_and_bounded():
    times = np.array([5.0, 1.0, 3.0, 2.0, 4.0])
    view = View.of(Sample(tuple("abcde"), unit(0, 5), timestamps=times), 3)
    assert view.in_time
    assert view.rows.tolist() == [1, 2, 0]
    assert str(view) == "3 (sampled of 5)"


def test_unknown_times_give_no_order():
    times = np.array([5.0, np.nan, 3.0])
    assert not View.of(Sample(tuple("abc"), unit(0, 3), timestamps=times), 9).in_time


@given(seed=st.integers(0, 500), count=st.integers(12, 60), share=st.floats(0.1, 0.5))
@settings(max_examples=30, deadline=None)
def test_taking_texts_away_equals_a_ground_built_without_them(seed, count, share):
    rows = unit(seed, count)
    outside = np.random.default_rng(seed + 1).random(count) < share
    if count - outside.sum() < 7 or not outside.any():
        return
    away, inside = KnownGround(rows).held_out(outside)
    smaller = KnownGround(rows[~outside])
    assert away == pytest.approx(smaller.novelty(rows[outside]), abs=1e-5)
    assert inside == pytest.approx(smaller.own, abs=1e-5)


def test_a_text_of_the_reference_is_nearer_than_a_text_elsewhere():
    ground = KnownGround(unit(0, 100, shift=2.0))
    here, there = ground.novelty(unit(1, 20, shift=2.0)), ground.novelty(unit(2, 20, shift=-2.0))
    assert here.max() < there.min()


def test_ranks_within_regions_are_blind_to_the_mix_of_regions():
    near = unit(0, 300, shift=3.0)
    wide = unit(1, 60, shift=-0.7)
    ground = KnownGround(np.vstack([near, wide]))
    for rows, low, high in ((unit(2, 150, shift=-0.7), 0.001, 1.0), (unit(3, 150), 0.0, 1e-6)):
        regions = ground.regions(rows, 25, 0)
        ranks, p_value = ground.regional_ranks(ground.novelty(rows), regions)
        assert ((ranks >= 0.0) & (ranks <= 1.0)).all()
        assert low <= p_value <= high


@pytest.mark.parametrize("size", [10, 40, 500])
def test_quiet_splits_take_whole_topics_up_to_a_third_of_the_reference(size):
    centres = unit(3, 30)
    rows = np.repeat(centres, 5, axis=0) + 0.001 * unit(4, 150)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ground = KnownGround(rows.astype(np.float32))
    days = np.arange(150)[:, None] // 50 == np.arange(3)
    splits = ground.quiet_splits(size, 0.01, 25, np.random.default_rng(0), days)
    assert (splits[:, 25:] == days).all()
    splits = splits[:, :25]
    assert splits.shape[0] == 150
    assert (splits.sum(axis=0) <= min(size, 50)).all()
    assert (splits.sum(axis=0) >= 2).all()
    topics = np.repeat(np.arange(30), 5)
    whole = [set(np.bincount(topics[column], minlength=30)) <= {0, 5} for column in splits.T]
    assert all(whole)


def test_one_huge_topic_is_cut_rather_than_left_out():
    splits = KnownGround(unit(0, 90)).quiet_splits(30, 3.0, 5, np.random.default_rng(0))
    assert (splits.sum(axis=0) == 30).all()


def test_neighbours_in_time_correlate_in_bursts_and_not_in_shuffled_order():
    rows = np.repeat(unit(0, 40), 10, axis=0) + 0.3 * unit(1, 400)
    assert 7 <= correlation_range(rows.astype(np.float32)) <= 12
    shuffled = np.random.default_rng(0).permutation(rows)
    assert correlation_range(shuffled.astype(np.float32)) == 1


def test_geometry_names_mean_variance_pairwise_and_intra_cluster_distance():
    wide, narrow = unit(0, 300), unit(1, 200, shift=3.0)
    geometry = Geometry.of(wide, narrow)
    assert geometry.centre_moved > 0.8
    assert geometry.variance[0] > geometry.variance[1]
    assert geometry.pairwise_distance[0] > geometry.pairwise_distance[1]
    assert geometry.intra_cluster_distance[0] > geometry.intra_cluster_distance[1]
    assert "centre moved" in str(geometry)


def test_confidence_is_uniform_for_texts_of_the_reference_and_small_for_others():
    ground = KnownGround(unit(0, 400, shift=2.0))
    at_home = ground.confidence(ground.novelty(unit(1, 400, shift=2.0)))
    assert abs((at_home <= 0.2).mean() - 0.2) < 0.08
    assert ground.confidence(ground.novelty(unit(2, 50, shift=-2.0))).max() <= 1 / 401 + 1e-12


def test_regions_measure_the_distance_from_their_centres():
    ground = KnownGround(unit(0, 200, shift=2.0))
    regions = ground.regions(unit(1, 50, shift=-2.0), 25, 0)
    assert set(regions.other) <= set(regions.own)
    assert regions.other_distance.min() > np.median(regions.own_distance)
