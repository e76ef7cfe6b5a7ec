"""Texts that belong together: found, left out as neighbours, and counted as fewer."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drift_triggers import EmbeddingShift, Observation, OutOfDistribution, Sample, SimilarityShift
from drift_triggers.signal import Served
from drift_triggers.statistics.dependence import Dependence, Scatter, order_ratio
from drift_triggers.statistics.two_sample import permuted_labels
from drift_triggers.statistics.view import DAY, View

ROOT = Path(__file__).parents[3]
CENTRES = np.random.default_rng(3).normal(size=(40, 16))


def traffic(seed, days, texts=60, reworded=0.4, new=0.0):
    """Days of sessions: people often ask again in other words. Days differ by nothing else."""
    generator = np.random.default_rng(seed)
    rows, sessions, last = [], [], None
    for place in range(len(days) * texts):
        again = place % texts > 0 and generator.random() < reworded
        if not again:
            topic = generator.integers(20) + 20 * (generator.random() < new)
            last = CENTRES[topic] + 0.7 * generator.normal(size=16)
        rows.append(last + 0.2 * generator.normal(size=16) if again else last)
        sessions.append(sessions[-1] if again else f"s{place}")
    vectors = np.array(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    moments = np.repeat(days, texts) * DAY + np.tile(np.arange(texts) * 600.0, len(days))
    return Sample(
        tuple(f"text {seed} {row}" for row in range(len(rows))),
        vectors.astype(np.float32),
        timestamps=moments,
        sessions=tuple(sessions),
    )


def told(sample, what):
    """The sample with what its records know: sessions and times, times alone, or nothing."""
    if what == "sessions":
        return sample
    plain = replace(sample, sessions=())
    return plain if what == "times" else replace(plain, timestamps=None)


def dependence(recent, reference):
    return Dependence.of(View.of(recent, 2000), View.of(reference, 2000))


def rarely(values, level=0.05, allowed=0.08):
    """Whether no more values are below the level than a rate of ``allowed`` explains."""
    return (np.array(values) <= level).sum() <= stats.binom.ppf(0.999, len(values), allowed)


@pytest.mark.parametrize(
    "what",
    [
        "sessions",
        pytest.param("times", marks=pytest.mark.slow),
        pytest.param("nothing", marks=pytest.mark.slow),
    ],
)
def test_p_values_of_quiet_windows_are_valid_where_people_ask_again(what):
    far, moved = [], []
    for seed in range(0, 120, 2):
        reference = told(traffic(seed, range(8)), what)
        observation = Observation(told(traffic(seed + 1, [30]), what), reference, seed=seed)
        far.append(OutOfDistribution().check(observation).p_value)
        moved.append(EmbeddingShift(permutations=99).check(observation).p_value)
    assert rarely(far)
    assert rarely(moved)


@pytest.mark.parametrize("what", ["sessions", "times", "nothing"])
def test_a_window_half_on_new_topics_fires_although_people_ask_again(what):
    reference = told(traffic(1, range(8)), what)
    recent = told(traffic(2, [30], new=0.5), what)
    assert OutOfDistribution().check(Observation(recent, reference)).fired


def test_independent_texts_are_taken_for_independent_whatever_is_known_of_them():
    recent, reference = traffic(1, [30], reworded=0.0), traffic(2, range(8), reworded=0.0)
    for what in ("sessions", "times", "nothing"):
        found = dependence(told(recent, what), told(reference, what))
        assert found.pooled_groups is None
        assert not found.dependent
        known, seen = np.random.default_rng(0).normal(size=480), np.zeros(60)
        assert found.scatter(known, seen) == Scatter(1.0)
        assert (found.ground.own == View.of(reference, 2000).ground.own).all()


def test_a_text_is_no_neighbour_of_those_of_its_own_session():
    apart = traffic(5, range(8), reworded=0.0)
    twin = replace(apart, texts=tuple(f"{text} again" for text in apart.texts))
    both = Sample(
        apart.texts + twin.texts,
        np.vstack([apart.embeddings, twin.embeddings]),
        sessions=apart.sessions * 2,
    )
    alone = View.of(both, 2000).ground.own
    assert alone.min() > 0.0
    assert View.of(replace(both, sessions=()), 2000).ground.own.mean() < 0.9 * alone.mean()


def test_neighbours_of_the_same_day_are_left_out_where_days_hang_together():
    hanging = View.of(told(traffic(1, range(8)), "times"), 2000)
    assert len(hanging.ground.together) == 1
    free = View.of(told(traffic(1, range(8), reworded=0.0), "times"), 2000)
    assert free.ground.together == ()


def test_without_times_the_stored_order_shows_what_belongs_together():
    recent, reference = (told(traffic(seed, range(4)), "nothing") for seed in (1, 2))
    equal = np.full(240, 5.0)
    for timestamps in (None, equal):
        found = dependence(
            replace(recent, timestamps=timestamps), replace(reference, timestamps=timestamps)
        )
        assert found.ground.reach >= 1
        assert found.scatter(np.ones(240), np.ones(240)).ratio == 1.0
        assert found.run >= 2


def test_a_reference_sorted_by_topic_makes_no_calm_window_bursty():
    generator = np.random.default_rng(0)

    def of(topics):
        rows = CENTRES[topics] + 0.3 * generator.normal(size=(len(topics), 16))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Sample(tuple(map(str, range(len(topics)))), rows.astype(np.float32))

    found = dependence(of(generator.integers(20, size=200)), of(np.repeat(np.arange(20), 30)))
    assert (found.run, found.ground.reach, found.pooled_groups) == (1, 0, None)


def test_a_day_of_one_user_is_a_session_where_none_is_named():
    base = traffic(1, [0, 1], texts=3)
    users = ("ann", "ann", "bob", "ann", "", "")
    view = View.of(replace(base, sessions=(), users=users), 100)
    assert view.sessions.tolist() == [0, 0, 1, 2, 3, 4]
    again = View.of(replace(base, sessions=("1", "1", "2", "1", "2", "")), 100)
    assert again.sessions.tolist() == [0, 0, 1, 2, 3, 4]


def test_days_that_differ_widen_what_is_quiet():
    recent, reference = (told(traffic(seed, range(8)), "times") for seed in (1, 2))
    found = dependence(recent, reference)
    generator = np.random.default_rng(0)
    level = generator.normal(size=8)
    same, differing = generator.normal(size=480), generator.normal(size=480) + level.repeat(60)
    seen = generator.normal(size=480)
    narrow, wide = found.scatter(same, seen), found.scatter(differing, seen)
    assert wide.ratio > 3.0 * narrow.ratio
    assert 8.0 < wide.freedom < math.inf
    assert wide.p_value(4.0) > 10.0 * narrow.p_value(4.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.integers(0, 10_000))
def test_permuted_labels_keep_groups_together_and_the_size(groups, seed):
    generator = np.random.default_rng(seed)
    member = generator.integers(groups, size=40)
    labels = np.arange(40) >= 25
    columns = permuted_labels(generator, labels, 20, groups=member)
    assert (columns.sum(axis=0) == 15).all()
    for column in columns.T:
        shares = [column[member == group].mean() for group in np.unique(member)]
        # One group at most is cut, to keep the size.
        assert sum(0.0 < share < 1.0 for share in shares) <= 1


def test_an_order_without_memory_has_ratio_one_and_runs_have_their_length():
    generator = np.random.default_rng(0)
    assert order_ratio(generator.normal(size=500)) == 1.0
    assert 3.0 < order_ratio(generator.normal(size=125).repeat(4)) < 5.0
    assert order_ratio(np.ones(100)) == 1.0


def test_served_cosines_of_sessions_give_valid_p_values():
    none = Sample((), np.empty((0, 3), np.float32))
    values = []
    for seed in range(200):
        cosines = np.random.default_rng(seed).normal(0.7, 0.1, 120).repeat(4).clip(-1, 1)
        seen = Observation(
            none, none, served_before=Served(cosines[:320]), served_recently=Served(cosines[320:])
        )
        values.append(SimilarityShift().check(seen).p_value)
    assert rarely(values)


@pytest.mark.slow
def test_quiet_years_of_a_service_with_sessions_and_seasons_launch_nothing():
    command = ["benchmarks/detection.py", "life", "--lives", "1", "--years", "2", "--days", "150"]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert "| policy launched in | 0 of 2 years |" in done.stdout, done.stdout + done.stderr
