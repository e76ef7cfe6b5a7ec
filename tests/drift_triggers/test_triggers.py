"""What every trigger owes: pure, deterministic, quiet when nothing changed, clear when it fires."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from made_windows import (
    CASES,
    COSINES,
    DOCUMENTS,
    PROBES,
    REFERENCE,
    SCORES,
    asked,
    facts,
    made,
    world,
)

from drift_triggers import (
    Observation,
    PairFacts,
    Quality,
    Sample,
    Served,
    Space,
    Stability,
    Trigger,
)

CAUSES = {
    "embedding_shift": "concept",
    "out_of_distribution": "concept",
    "vocabulary": "vocabulary",
    "text_shape": "pipeline",
    "similarity_shift": "retrieval_loss",
    "quality_drop": "retrieval_loss",
    "space_mismatch": "model_version",
    "feedback_loop": "feedback_loop",
    "data_quality": "data_quality",
    "preprocessing": "pipeline",
    "fresh_data": "fresh_data",
    "model_age": "temporal",
    "slow_drift": "temporal",
    "term_meaning": "temporal",
    "source_shift": "concept",
    "instability": "vocabulary",
    "long_words": "pipeline",
}
GUARDS = {"space_mismatch", "feedback_loop", "data_quality"}
NEEDS_MORE_THAN_TEXTS = {
    "data_quality",
    "feedback_loop",
    "instability",
    "preprocessing",
    "quality_drop",
    "similarity_shift",
    "slow_drift",
    "source_shift",
    "space_mismatch",
    "term_meaning",
}
"""Triggers that texts with embeddings, times and words do not feed."""

every_trigger = pytest.mark.parametrize("name", CASES)


@every_trigger
def test_it_is_a_trigger(name):
    assert isinstance(made(name), Trigger)


@every_trigger
def test_it_stays_quiet_on_identical_data_and_says_why(name):
    for observation in (world(), world(REFERENCE, self_generated=())):
        signal = made(name).check(observation)
        assert not signal.fired
        assert not signal.blocks
        assert signal.reason
        assert signal.cause is None


@every_trigger
def test_it_fires_on_an_obvious_change_with_reason_and_cause(name):
    signal = made(name).check(CASES[name])
    assert signal.fired, signal.reason
    assert signal.reason
    assert signal.cause == CAUSES[signal.trigger]
    assert signal.trigger == made(name).name
    assert signal.blocks == (signal.trigger in GUARDS)
    assert signal.p_value is None or 0.0 < signal.p_value <= 1.0
    if signal.effect is not None and signal.threshold is not None:
        assert signal.effect >= signal.threshold or signal.trigger in GUARDS


@every_trigger
def test_it_is_deterministic_and_changes_nothing(name):
    observation = CASES[name]
    before = copy.deepcopy(observation.recent.embeddings), observation.recent.texts
    first, second = made(name).check(observation), made(name).check(observation)
    assert first == second
    assert (observation.recent.embeddings == before[0]).all()
    assert observation.recent.texts == before[1]
    again = replace(observation, recent=copy.deepcopy(observation.recent))
    assert made(name).check(again) == first


@every_trigger
def test_where_only_texts_are_given_it_measures_them_or_says_that_it_does_not(name):
    signal = made(name).check(Observation(asked(2, 200), REFERENCE))
    assert not signal.fired
    assert signal.measured == (signal.trigger not in NEEDS_MORE_THAN_TEXTS)
    if not signal.measured:
        assert (signal.p_value, signal.effect) == (None, None)
        assert signal.reason.startswith("not measured: ")


@pytest.mark.parametrize("name", sorted(set(CASES) - {"LongWords", "FreshData", "ModelAge"}))
def test_too_little_data_is_not_measured(name):
    few, one = asked(2, 3), PairFacts(records=1)
    signal = made(name).check(
        world(
            few,
            history=few,
            recent_stability=Stability(np.arange(3), np.ones(3)),
            served_recently=Served(COSINES[:3], DOCUMENTS[:3]),
            quality={"golden": Quality(SCORES[:3], SCORES[:3])},
            self_generated=(False,) * 3,
            recent_pairs=one,
            reference_pairs=one,
            serving_space=Space(""),
            index_fingerprints=(),
        )
    )
    assert (signal.fired, signal.measured, signal.p_value) == (False, False, None)


@every_trigger
def test_it_refuses_empty_input_or_does_not_need_it(name):
    none = Sample((), np.empty((0, 16), np.float32))
    for observation in (world(none, self_generated=()), world(reference=none)):
        try:
            assert made(name).check(observation).reason
        except ValueError as error:
            assert "at least one text, got none" in str(error)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("SimilarityShift", {"served_recently": Served(COSINES * np.nan)}),
        ("QualityDrop", {"quality": {"golden": Quality(SCORES, SCORES * np.nan)}}),
        ("QualityDrop", {"quality": {"golden": Quality(SCORES, SCORES[:30])}}),
        ("SpaceMismatch", {"serving_space": Space("", "", PROBES * np.nan)}),
        ("FeedbackLoop", {"self_generated": (True,)}),
        ("DataQuality", {"recent_pairs": facts(quarantined=400)}),
        ("Instability", {"recent_stability": Stability(np.arange(2), np.ones(2) * 2)}),
        ("ModelAge", {"champion_age_days": float("nan")}),
    ],
)
def test_numbers_that_are_none_are_refused(name, changes):
    with pytest.raises(ValueError, match=r"must|finite"):
        made(name).check(world(**changes))
