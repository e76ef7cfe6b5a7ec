"""The form of texts, apart from what they are about."""

import numpy as np
import pytest
from made_forms import WORDS, asked

from drift_triggers.cause import explain
from drift_triggers.signal import Observation
from drift_triggers.text_shape import FEATURES, TextShape, distances, plain, shape


def check(change, count=150):
    return TextShape().check(Observation(asked(1, count, change), asked(2, 400)))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"  {text.replace(' ', '  ')} ",
        lambda text: text.replace("'", "\u2019"),
        lambda text: text.rstrip("?") + " .",
        lambda text: text.rstrip("?"),
        lambda text: text.replace(" ", "\u00a0"),
    ],
)
def test_blanks_curly_quotes_and_final_marks_mean_nothing(change):
    signal = check(change)
    assert not signal.fired
    assert signal.effect < 0.2


@pytest.mark.parametrize(
    ("change", "feature"),
    [
        (lambda text: f"Dear team,\n\n{text}\n\nBest,\nKim", "line breaks"),
        (lambda text: text.upper(), "capitals"),
        (lambda text: f"<p>{text}</p><br/>", "markup"),
        (lambda text: text.replace("a", "\u0430").replace("e", "\u0435"), "other scripts"),
        (lambda text: f"{text} {text} {text}", "words"),
        (lambda text: f"{text} 4711 0815 2024 1999", "digits"),
    ],
)
def test_a_change_of_form_fires_and_names_the_measure(change, feature):
    signal = check(change)
    assert signal.fired
    assert signal.cause == "pipeline"
    assert feature in signal.reason


def test_other_common_words_alone_may_be_another_topic():
    words = dict(
        zip(
            WORDS,
            ["food", "spoon", "there", "we", "cooking", "at", "salt", "now", "ZIP", "an", "can't"],
            strict=True,
        )
    )
    change = lambda text: " ".join(words.get(word, word) for word in text.split())  # noqa: E731
    signal = check(change)
    assert signal.fired
    assert signal.cause == "concept"
    assert explain([signal]).cause == "concept"


def test_plain_text_keeps_lines_and_inner_marks():
    assert plain(" Hello,  team \n\n\u201cwhy\u201d? ...") == 'Hello, team\n"why"'


def test_distances_are_those_of_scipy():
    from scipy import stats

    generator = np.random.default_rng(0)
    rows = np.round(generator.normal(size=(90, len(FEATURES))), 1)
    sides = generator.random((90, 3)) < 0.4
    found = distances(rows, sides)
    assert found.shape == (len(FEATURES), 3)
    for (column, division), distance in np.ndenumerate(found):
        second = sides[:, division]
        test = stats.ks_2samp(rows[second, column], rows[~second, column])
        assert distance == pytest.approx(test.statistic)


@pytest.mark.parametrize("text", ["", "???", "\n", "\U0001f600", "1234"])
def test_texts_without_words_have_a_shape_too(text):
    rows = shape([text], frozenset({"the"}), "LATIN")
    assert rows.shape == (1, len(FEATURES))
    assert np.isfinite(rows).all()
