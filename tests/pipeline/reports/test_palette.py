"""Colours: what is written in one can be read on the ground it stands on, on light and dark."""

import pytest

from pipeline.reports.palette import DARK, LIGHT

WRITTEN = ("ink", "quiet", "accent", "good", "bad", "open")


def luminance(colour):
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", WRITTEN)
def test_text_has_a_contrast_of_at_least_4_5(colours, name):
    for ground in ("ground", "paper"):
        assert contrast(colours[name], colours[ground]) >= 4.5, ground


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["good", "bad", "open"])
def test_the_word_of_an_outcome_can_be_read_on_its_badge(colours, name):
    assert contrast(colours[name], colours[f"{name}-soft"]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_have_a_contrast_of_at_least_3(colours):
    for ground in ("ground", "paper"):
        assert contrast(colours["known"], colours[ground]) >= 3, ground


def test_both_grounds_have_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert len(set(LIGHT.values())) == len(LIGHT), "drawings tell them apart by value"
