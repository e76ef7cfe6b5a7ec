"""The chance to pass: foretold from some queries, right on average over others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.gate import Condition, Foretold, Gate

SEEN = 60


def population(gain, moved=0.3, size=20_000, seed=0):
    """Return differences of which most are zero, as rankings are."""
    generator = np.random.default_rng(seed)
    drawn = generator.normal(0.0, 0.35, size) * (generator.random(size) < moved)
    return np.clip(drawn - drawn.mean() + gain, -1.0, 1.0)


@pytest.mark.slow
def test_what_is_foretold_is_what_happens_on_average():
    generator, gate = np.random.default_rng(3), Gate()
    foretelling = Foretold(gate, [Condition(120, 0.0)], [Condition(200, -0.02)])
    foretold, passed = [], []
    for _ in range(300):
        new = population(generator.uniform(-0.05, 0.15), size=4000, seed=generator)
        old = population(generator.uniform(-0.04, 0.04), moved=0.1, size=4000, seed=generator)
        foretold.append(foretelling.of(generator.choice(new, SEEN), generator.choice(old, SEEN)))
        gain, loss = (
            gate.bounds(generator.choice(side, size))[0] for side, size in ((new, 120), (old, 200))
        )
        passed.append(gain > 0.0 and loss > -0.02)
    likely = np.array(foretold) > np.median(foretold)
    for part in (likely, ~likely):
        assert abs(np.mean(np.array(foretold)[part]) - np.mean(np.array(passed)[part])) < 0.1


def test_the_old_side_counts_as_much_as_the_new_one():
    chances = Foretold(Gate(), [Condition(200, 0.0)], [Condition(150, -0.02)])
    strong = population(0.1, 0.4, SEEN, 4), population(-0.01, 0.4, SEEN, 5)
    gentle = strong[0] * 0.7, strong[1] * 0.2
    assert strong[0].mean() > gentle[0].mean()
    assert chances.of(*gentle) > 2 * chances.of(*strong)


def test_each_further_anchor_set_makes_it_less_likely():
    new, old = population(0.1, size=SEEN), population(0.0, size=SEEN, seed=6)
    one, more = (
        Foretold(Gate(), [Condition(200, 0.0)], [Condition(300, -0.02)] * sets) for sets in (1, 3)
    )
    assert more.of(new, old) < one.of(new, old)
    # They share what is unknown, so that three are no three independent hurdles.
    assert more.of(new, old) > one.of(new, old) ** 3


def test_a_set_on_which_nobody_could_pass_leaves_no_chance():
    chances = Foretold(Gate(), [Condition(200, 0.0)], [Condition(30, -0.02)])
    assert chances.of(population(0.3, size=SEEN), np.zeros(SEEN)) < 0.35
    large = Foretold(Gate(), [Condition(200, 0.0)], [Condition(1000, -0.02)])
    assert large.of(population(0.3, size=SEEN), np.zeros(1000)) > 0.95


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.integers(2, 5000),
)
def test_it_is_a_probability_and_a_better_candidate_has_no_smaller_one(new, old, queries):
    chances = Foretold(Gate(), [Condition(queries, 0.0)], [Condition(queries, -0.02)])
    found = chances.of(np.array(new), np.array(old))
    assert 0.0 <= found <= 1.0
    assert chances.of(np.array(new) + 0.1, np.array(old)) >= found - 1e-9
