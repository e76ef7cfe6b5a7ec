"""The standing: a verdict when the answers allow it, and a forecast until then."""

import numpy as np
import pytest

from pipeline.judging.confidence import Lines
from pipeline.judging.standing import answers_needed, standing

RULES = {"margin": 0.05, "confidence": 0.95}


def lines_of(count: int, every: int = 4) -> Lines:
    """A log in which every so many lines have a question."""
    numbers = iter(range(count))
    return Lines.of([None if number % every else (next(numbers), 1.0) for number in range(count)])


@pytest.mark.parametrize(("answer", "finding"), [(1, "second is better"), (-1, "first is better")])
def test_equal_answers_soon_give_a_verdict(answer, finding):
    now = standing(lines_of(1000), np.full(12, float(answer)), **RULES)
    assert now.finding == finding
    assert (now.expected, now.certainty) == (0, 0.95)
    assert now.low <= now.preference <= now.high


def test_two_versions_that_nobody_prefers_have_no_relevant_difference():
    now = standing(lines_of(2000), np.tile([1.0, -1.0, 0.0], 100), **RULES)
    assert now.finding == "no relevant difference"
    assert -0.05 < now.low < 0 < now.high < 0.05


def test_identical_rankings_alone_show_that_there_is_no_relevant_difference():
    assert standing(Lines.of([None] * 300), np.array([]), **RULES).finding == (
        "no relevant difference"
    )


def test_the_forecast_comes_true_on_average():
    generator, lines = np.random.default_rng(1), lines_of(4000)
    ratios = []
    for _ in range(12):
        answers = generator.choice([-1.0, 0.0, 1.0], lines.count, p=[0.25, 0.35, 0.4])
        now = standing(lines, answers[:20], **RULES)
        (needed,) = answers_needed(lines, answers[None], **RULES)
        if now.finding == "undecided" and now.expected:
            ratios.append((needed - 20) / now.expected)
    assert 0.3 < np.median(ratios) < 3


def test_a_log_that_is_too_short_has_no_forecast():
    now = standing(lines_of(40), np.array([1.0, -1.0, 0.0, 1.0]), **RULES)
    assert (now.finding, now.expected) == ("undecided", None)


def test_the_certainty_follows_the_answers_down_too():
    lines = lines_of(1000)
    clear = standing(lines, np.ones(4), **RULES).certainty
    mixed = standing(lines, np.array([1.0] * 4 + [-1.0] * 3), **RULES).certainty
    assert clear > 0.5 > mixed


def test_few_answers_where_few_results_differ_decide_as_well_as_many_random_ones():
    """A life in small: `benchmarks/judging.py` has a hundred."""
    generator = np.random.default_rng(3)
    asked, chance, wrong = [], [], 0
    for life in range(20):
        side = 1 if life % 2 else -1
        differs = generator.random(3000) < 0.2
        answers = generator.choice([-side, 0, side], 3000, p=[0.15, 0.25, 0.6]) * differs
        numbers = np.cumsum(differs) - 1
        needed = [(int(n), 1.0) if d else None for n, d in zip(numbers, differs, strict=True)]
        everything = Lines.of([(number, 1.0) for number in range(3000)])
        for lines, given, into in (
            (Lines.of(needed), answers[differs], asked),
            (everything, answers, chance),
        ):
            (count,) = answers_needed(lines, given[None].astype(float), **RULES)
            into.append(count)
            found = standing(lines, given[: int(count)].astype(float), **RULES).finding
            wrong += found != ("second is better" if side > 0 else "first is better")
    assert sum(asked) < sum(chance) / 3
    assert wrong <= 2
