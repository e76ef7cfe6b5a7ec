"""The confidence sequence: it covers at all times, and knows zeros without asking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.judging.confidence import Lines, estimate, interval, log_wealth

ANSWERS = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=60)
NEEDED = st.lists(st.sampled_from([None, 1.0, 2.0]), min_size=60, max_size=120)


def lines_of(scales):
    numbers = iter(range(1000))
    return Lines.of([None if scale is None else (next(numbers), scale) for scale in scales])


@given(NEEDED, ANSWERS, st.floats(-0.99, 0.98), st.floats(0.0, 1.0))
def test_what_bets_on_more_than_a_mean_win_falls_as_the_mean_grows(scales, answers, mean, more):
    lines = lines_of(scales)
    values = np.array(answers[: lines.count])
    higher = mean + more * (0.99 - mean)
    low, high = (log_wealth(lines, values, each) for each in (mean, higher))
    assert np.isfinite(low).all()
    assert (high <= low + 1e-9).all()


@settings(max_examples=25)
@given(NEEDED, ANSWERS)
def test_the_interval_is_turned_round_with_the_answers_and_only_gets_narrower(scales, answers):
    lines = lines_of(scales)
    values = np.array(answers[: lines.count])
    low, high = interval(lines, values, 0.95)
    assert -1 <= low <= high <= 1
    turned = interval(lines, -values, 0.95)
    assert turned == pytest.approx((-high, -low), abs=1e-9)
    before = interval(lines, values[:-1], 0.95)
    assert before[0] - 1e-9 <= low
    assert high <= before[1] + 1e-9


def test_several_futures_give_the_wealth_of_each():
    lines = lines_of([None, 1.0, 2.0, None, 1.0])
    futures = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]])
    together = log_wealth(lines, futures, 0.1)
    assert np.allclose(together, [log_wealth(lines, each, 0.1) for each in futures])


def test_lines_known_to_be_zero_count_without_an_answer():
    bare, padded = lines_of([1.0] * 40), lines_of([None, None, None, 1.0] * 40)
    answers = np.ones(40)
    assert interval(bare, answers, 0.95)[0] > interval(padded, answers, 0.95)[1] * 0.9
    assert interval(padded, answers, 0.95)[0] > 0
    assert estimate(padded, answers) == 0.25
    alike = lines_of([None] * 400)
    low, high = interval(alike, np.array([]), 0.95)
    assert -0.05 < low < 0 < high < 0.05


def test_an_answer_counts_again_where_its_query_comes_up_again():
    lines = Lines.of([(0, 1.0), None, (0, 1.0), (1, 1.0)])
    assert lines.count == 2
    assert lines.needing(1) == 2
    assert estimate(lines, np.array([1.0])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("mean", [0.0, 0.1])
def test_whoever_stops_when_he_likes_is_wrong_no_more_often_than_the_confidence_says(mean):
    generator = np.random.default_rng(0)
    threshold = np.log(2 / 0.05)
    missed = 0
    for _ in range(400):
        asked = generator.random(1500) < 0.3
        # Lines asked with probability 0.3 at a scale of 1 / 0.6 differ in half of the cases.
        lines = lines_of([1 / 0.6 if each else None for each in asked])
        likely = [(0.4 - mean) / 2, 0.6, (0.4 + mean) / 2]
        answers = generator.choice([-1.0, 0.0, 1.0], lines.count, p=likely)
        true = 0.3 / 0.6 * mean
        ever = [log_wealth(lines, sign * answers, sign * true).max() for sign in (1, -1)]
        missed += max(ever) >= threshold
    # Nominal 20; three standard errors above it.
    assert missed <= 33
