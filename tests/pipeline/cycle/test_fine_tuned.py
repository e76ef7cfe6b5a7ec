"""A loss of quality is traced to the last training: the version before is asked the same."""

from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of

from pipeline.cycle.check import find
from pipeline.cycle.window import Gathered
from pipeline.results import DecisionResult
from pipeline.store import Traffic
from training.pairs import Pair

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def likes(opened, number, queries, texts):
    folder = opened.versions.folder(opened.registry.version(number))
    encoder = opened.encoders.load(folder.model)
    return encoder.encode(queries) @ encoder.encode(texts, kind="document").T


@pytest.fixture
def known_texts():
    rows = [*sentences(BANK, 60, 32), *sentences(TRAVEL, 60, 32, prefix="t")]
    return [Traffic(row["text"]) for row in texts_of(rows)]


def test_a_loss_that_the_version_before_does_not_have_came_with_the_training(opened, known_texts):
    """Version 2 learned travel; under these labels its answers are wrong ones."""
    texts = [row["positive"] for row in sentences(TRAVEL, 300, 9)]
    queries = [row["query"] for row in sentences(TRAVEL, 300, 10)]
    before, now = (likes(opened, number, queries, texts) for number in (1, 2))
    best, rank = before.argmax(axis=1), (-now).argsort(axis=1).argsort(axis=1)
    chosen = [place for place in range(len(queries)) if rank[place, best[place]] > 10]
    pairs = [Pair(str(place), queries[place], texts[best[place]], source="faq") for place in chosen]
    decision = find(opened, 2, Gathered(idle="", recent=known_texts, pairs=pairs), NOW)
    assert "quality_drop" in decision.fired
    found = decision.fine_tuning
    assert found.explains and found.previous == 1
    assert found.previous_score > found.champion_score
    assert decision.source == decision.cause.source == "fine-tuning", decision.reasons
    assert DecisionResult.model_validate(decision.to_json()).source == "fine-tuning"


def test_a_loss_that_the_version_before_has_as_well_is_of_the_input(opened, known_texts):
    rows = sentences(BANK, 100, 61)
    answers = [row["positive"] for row in rows][::-1]
    pairs = [
        Pair(row["id"], row["query"], a, source="faq") for row, a in zip(rows, answers, strict=True)
    ]
    decision = find(opened, 2, Gathered(idle="", recent=known_texts, pairs=pairs), NOW)
    assert "quality_drop" in decision.fired
    assert not decision.fine_tuning.explains
    assert decision.source == "input"


def test_without_a_loss_no_other_version_is_asked(opened, known_texts):
    decision = find(opened, 2, Gathered(idle="", recent=known_texts), NOW)
    assert decision.fine_tuning is None
    assert decision.source == "none"
