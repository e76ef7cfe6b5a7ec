"""A changed form of the texts: training starts only if the champion's quality on it fell."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import BANK, sentences, texts_of

from drift_triggers.signal import Quality
from pipeline.cycle.check import find
from pipeline.cycle.fresh_quality import fresh_quality
from pipeline.cycle.window import Gathered
from pipeline.store import Traffic
from training.pairs import Pair

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def mailed(text):
    return f"{text}\n\nwhere is my\n"


def listed(text):
    return f"{text}\n\nis"


def window(form, count=120, answers=None):
    """Known questions in another form, some of them labelled."""
    rows = sentences(BANK, 120, 60)
    texts = [Traffic(form(row["text"])) for row in texts_of(rows)]
    labelled = sentences(BANK, 120, 61)[:count]
    right = [row["positive"] for row in labelled]
    pairs = [
        Pair(row["id"], form(row["query"]), answer, source="lost")
        for row, answer in zip(labelled, answers(right) if answers else right, strict=True)
    ]
    return Gathered(idle="", recent=texts, pairs=pairs)


def shuffled(answers):
    return random.Random(0).sample(answers, len(answers))


def test_another_form_that_is_answered_as_well_is_reported_and_not_trained_on(opened):
    decision = find(opened, 1, window(listed), NOW)
    assert decision.cause.cause == "pipeline"
    assert "text_shape" in decision.fired
    assert not decision.train
    assert "quality_drop shows no loss" in decision.reasons[0]
    assert decision.reasons[-1].startswith("quality in the new form: fresh pairs: mean score")


def test_another_form_that_is_answered_worse_is_trained_on(opened):
    decision = find(opened, 1, window(mailed, answers=shuffled), NOW)
    assert decision.cause.cause == "pipeline"
    assert "quality_drop" in decision.fired
    assert decision.train


@pytest.mark.parametrize("labelled", [0, 12])
def test_another_form_without_labels_is_reported_with_what_would_tell(opened, labelled):
    decision = find(opened, 1, window(mailed, labelled), NOW)
    assert not decision.train
    assert decision.reasons[-1].startswith(
        f"{labelled} labelled queries in the new form, at least 20"
    )


def test_a_loss_on_fresh_pairs_is_seen_where_the_form_did_not_change_too(opened):
    calm = find(opened, 1, window(str), NOW)
    assert calm.reasons == ("no trigger fired",)
    quality = next(each for each in calm.signals if each.trigger == "quality_drop")
    assert quality.reason.startswith("fresh pairs")
    lost = find(opened, 1, window(str, answers=shuffled), NOW)
    assert "quality_drop" in lost.fired
    assert lost.train


def test_fresh_and_known_pairs_are_scored_on_the_same_documents(opened):
    folder = opened.versions.folder(opened.versions.champion())
    anchors = opened.anchor_sets.of(folder)
    pairs = window(str).pairs
    quality = fresh_quality(opened.scores, folder, anchors, pairs, "ndcg_at_10")
    assert isinstance(quality, Quality)
    assert not quality.paired
    assert len(quality.now) == len(quality.queries) == len(pairs)
    assert abs(quality.now.mean() - quality.accepted.mean()) < 0.2
    assert fresh_quality(opened.scores, folder, anchors, [], "ndcg_at_10") is None
    harder = [replace(pair, positive=f"{pair.positive} {n}") for n, pair in enumerate(pairs)]
    worse = fresh_quality(opened.scores, folder, anchors, harder, "mrr_at_10")
    assert 0 <= worse.now.mean() <= 1
