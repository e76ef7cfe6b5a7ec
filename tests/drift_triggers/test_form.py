"""The harmless part of the form: undone where nothing else changed and the neighbours stay."""

from dataclasses import replace

import numpy as np
import pytest
from made_forms import asked

from drift_triggers.form import KEPT, neighbours_kept, only_form_changed, undone
from drift_triggers.signal import Observation
from drift_triggers.text_shape import TextShape

REFERENCE = asked(2, 400)
HARMLESS = [
    str.upper,
    str.lower,
    str.title,
    lambda text: f"\u00ab{text}\u00bb",
    lambda text: f"**{text}**",
    lambda text: f"{text}??",
    lambda text: text.replace(" ", "  "),
    lambda text: text.replace(" ", "\n"),
    lambda text: f"\u201e  {text.upper()}  \u201c !!!",
]
WORDS = [
    lambda text: f"Dear team, {text} Best, Kim",
    lambda text: f"<p>{text}</p><br/>",
    lambda text: f"{text} {text}".upper(),
    lambda text: text.replace("a", "\u0430").replace("e", "\u0435").upper(),
    lambda text: f"{text} 4711 0815 2024 1999".lower(),
]


@pytest.mark.parametrize("change", HARMLESS)
def test_a_form_without_other_words_is_recognised(change):
    changed = asked(1, 150, change).texts
    assert only_form_changed(changed, REFERENCE.texts)
    assert [undone(text) for text in changed] == [undone(text) for text in asked(1, 150).texts]


@pytest.mark.parametrize("change", WORDS)
def test_other_words_are_more_than_form(change):
    assert not only_form_changed(asked(1, 150, change).texts, REFERENCE.texts)


def test_the_same_form_and_few_texts_are_no_change():
    assert not only_form_changed(asked(1, 150).texts, REFERENCE.texts)
    assert not only_form_changed(asked(1, 15, str.upper).texts, REFERENCE.texts)


def test_a_form_that_was_undone_is_reported_and_does_not_fire():
    seen = Observation(asked(1, 150, str.upper), REFERENCE)
    assert TextShape().check(seen).fired
    signal = TextShape().check(replace(seen, form_kept=0.97))
    assert not signal.fired
    assert signal.cause is None
    assert "97% of the usual share" in signal.reason
    assert "capitals" in signal.reason


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_neighbours_stay_where_all_texts_move_alike_and_go_where_each_moves_its_way():
    generator = np.random.default_rng(0)
    known, recent = (unit(generator.normal(size=(count, 16))) for count in (300, 80))
    known[:, 0] = recent[:, 0] = 0.0
    pushed = unit(recent + np.eye(16)[0])
    assert neighbours_kept((known, known), (pushed, recent)) == 1.0
    scattered = unit(generator.normal(size=recent.shape))
    assert neighbours_kept((known, known), (scattered, recent)) < 0.2 < KEPT


def test_what_undoing_changes_in_the_reference_is_not_held_against_the_recent_texts():
    generator = np.random.default_rng(0)
    known, recent = (unit(generator.normal(size=(count, 16))) for count in (300, 80))
    noisy = [unit(rows + 0.15 * generator.normal(size=rows.shape)) for rows in (known, recent)]
    assert neighbours_kept((known, noisy[0]), (recent, noisy[1])) == pytest.approx(1.0, abs=0.15)
