"""Drawings: their colours follow the page, they say what they show, and texts are only texts."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reports.charts import Interval, intervals_chart
from pipeline.reports.drawing import drawing, shown
from pipeline.reports.palette import LIGHT
from pipeline.reports.rows_charts import Move, moves_chart


def chart(label="new"):
    return intervals_chart([Interval(label, 0.01, 0.02, 0.03, good=True, bound=0.0)], "gain")


def test_no_colour_of_light_ground_is_left_in_a_drawing():
    assert "var(--good)" in chart()
    assert not [each for each in LIGHT.values() if f": {each}" in chart()]
    assert not re.search(r"(fill|stroke): #", chart())


def test_a_drawing_says_in_words_what_it_shows():
    assert 'role="img"' in chart()
    assert 'aria-label="gain. new: +0.020 (+0.010 to +0.030), required above +0.000"' in chart()


@pytest.mark.parametrize("score", [0.0, 0.99, 1.0])
def test_the_axis_of_scores_names_none_beyond_their_bounds(score):
    drawn = moves_chart([Move("Old task", None, score)], "recall@10")
    ticks = [float(each.replace("−", "-")) for each in re.findall(r">([−\d.]+)</text>", drawn)]
    assert len(ticks) > 1
    assert all(0 <= each <= 1 for each in ticks)


def test_no_id_stands_in_two_drawings():
    def ids(drawn):
        return set(re.findall(r' id="([^"]*)"', drawn))

    assert ids(chart("one"))
    assert not ids(chart("one")) & ids(chart("two"))


def test_a_drawing_styles_nothing_but_itself():
    assert "<style" not in chart()


@settings(max_examples=12, deadline=None)
@given(st.text(max_size=60))
def test_whatever_a_text_holds_it_adds_no_element(text):
    drawn = drawing(lambda axes: axes.text(0, 0, shown(text, 40)), text, height=1)
    plain = drawing(lambda axes: axes.text(0, 0, "x"), "x", height=1)
    assert set(re.findall(r"<\s*([\w:!?]+)", drawn)) <= set(re.findall(r"<\s*([\w:!?]+)", plain))
    assert drawn.count("<svg") == 1
    assert "\0" not in drawn


@given(st.text(), st.integers(2, 50))
def test_a_text_is_shown_on_one_line_and_no_longer_than_asked(text, longest):
    line = shown(text, longest)
    assert len(line) <= longest
    assert len(line.splitlines()) <= 1
