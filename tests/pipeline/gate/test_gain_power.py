"""Gain power: the hold-out has as many queries as show a gain like the last one."""

import numpy as np
import pytest
from made_verdicts import comparison, cycles, verdict

from pipeline.gate import Gate, queries_for_gain


def judged(difference, spread, queries=100):
    """The second cycle, in which a new task was compared."""
    compared = comparison("new", difference=difference, spread=spread, queries=queries)
    return cycles(verdict(compared), verdict())[0]


def test_without_an_earlier_cycle_the_gain_is_assumed():
    needs = queries_for_gain(Gate(), [])
    assert 150 < needs.queries < 210
    assert "assumed" in needs.reason


def test_the_last_judged_cycle_says_what_to_expect():
    small = queries_for_gain(Gate(), [judged(0.03, 0.2), judged(0.2, 0.2)])
    assert small.queries > queries_for_gain(Gate(), [judged(0.04, 0.2)]).queries
    assert small.queries < queries_for_gain(Gate(), [judged(0.03, 0.3)]).queries
    assert "cycle 0002" in small.reason
    few = queries_for_gain(Gate(), [judged(0.5, 0.2, queries=10)])
    assert "assumed" in few.reason, "ten queries say nothing"


def test_a_candidate_that_gained_nothing_says_how_differences_scatter_only():
    none = queries_for_gain(Gate(), [judged(-0.01, 0.25)])
    assert none.queries == queries_for_gain(Gate(), []).queries
    assert "cycle 0002" in none.reason


def test_a_large_gain_does_not_leave_a_smaller_one_unseen():
    after = queries_for_gain(Gate(), [judged(0.4, 0.25)])
    assert after.queries == queries_for_gain(Gate(), []).queries


def test_a_required_gain_and_a_higher_confidence_need_more():
    cycles = [judged(0.04, 0.2)]
    plain = queries_for_gain(Gate(), cycles).queries
    assert queries_for_gain(Gate(min_gain=0.02), cycles).queries > plain
    assert queries_for_gain(Gate(confidence=0.99), cycles).queries > plain


def test_however_gentle_the_candidate_what_is_held_out_can_support_a_later_candidate():
    needs = queries_for_gain(Gate(), [judged(0.4, 0.05)])
    assert Gate().can_support(needs.queries, 0.02)
    assert not Gate().can_support(needs.queries - 5, 0.02)
    assert queries_for_gain(Gate(max_drop=0.0), [judged(0.4, 0.05)]).queries < needs.queries


@pytest.mark.parametrize(
    "gain, spread", [pytest.param(0.05, 0.25, marks=pytest.mark.slow), (0.1, 0.3)]
)
def test_with_so_many_queries_four_in_five_such_candidates_pass(gain, spread):
    generator, gate = np.random.default_rng(0), Gate()
    queries = gate.queries_to_see(gain, spread)
    # Half of the differences are zero, the others spread as asked for.
    scale = np.sqrt(2 * (spread**2 + gain**2) - 4 * gain**2)
    passed = 0
    for _ in range(200):
        moved = generator.random(queries) < 0.5
        differences = np.where(moved, generator.normal(2 * gain, scale, queries), 0.0)
        passed += gate.bounds(differences.clip(-1, 1))[0] > 0
    assert 0.7 <= passed / 200 <= 0.92
