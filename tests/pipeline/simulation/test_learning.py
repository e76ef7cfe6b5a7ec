"""Learning from simulated drift: what is right may serve, what is wrong may not."""

from pathlib import Path

import pytest
from conftest import FakeEncoder
from made_streams import BANK, TRAVEL, sentences

from pipeline.simulation import Corpus
from pipeline.simulation.learning import Amounts, trained
from pipeline.store import Traffic
from pipeline.workspace import load_settings
from training.encoding import Encoder
from training.pairs import Pair
from training.progress import no_progress

SMALL = Amounts(anchors=100, history=150, window=120, arriving=300)


def corpus(words, count, new=()):
    pairs = tuple(Pair(**row) for row in sentences(words, count, 21))
    return Corpus(
        name="made",
        texts=tuple(Traffic(pair.query) for pair in pairs),
        pairs=pairs,
        new_pairs=tuple(new),
    )


def test_too_few_labelled_pairs_are_told(workspace):
    none = trained(
        load_settings(workspace), corpus(BANK, 40), FakeEncoder(), (Path(), Path()), no_progress
    )
    assert none[0] == ()
    assert "labelled pairs about known topics" in none[1]


@pytest.mark.slow
def test_a_right_lesson_is_promoted_and_wrong_answers_are_not(workspace, tiny_model, tmp_path):
    new = [Pair(**row) for row in sentences(TRAVEL, 500, 22)]
    made, why = trained(
        load_settings(workspace),
        corpus(BANK, SMALL.known + 20, new),
        Encoder.load(tiny_model, max_length=32),
        (tiny_model, tmp_path),
        no_progress,
        SMALL,
    )
    assert why == ""
    assert [(each.cause, each.poisoned) for each in made] == [
        ("concept", False), ("vocabulary", False), ("concept", True),
    ]  # fmt: skip
    topics, _, wrong = made
    assert topics.outcome == "promoted"
    assert topics.gain > 0
    assert topics.kept is not None
    assert wrong.outcome != "promoted"
    assert wrong.right
    assert all(each.seconds > 0 for each in made)
    assert not any((tmp_path / name).exists() for name in ("concept", "concept-wrong"))
