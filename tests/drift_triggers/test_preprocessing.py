"""Another pipeline is told as such, and what it moves is not taken for new topics."""

from dataclasses import replace

from made_windows import CASES, asked, world

from drift_triggers import (
    EmbeddingShift,
    OutOfDistribution,
    Policy,
    Preprocessing,
    PreprocessingChange,
    QualityDrop,
    Signal,
    explain,
)

CHANGED = {"texts": Preprocessing({"a": 400}, {"b": 200}, {"b": "cleaner 4"})}


def decided(*signals):
    return Policy().decide(signals, [], hours=0.0)


def test_the_share_of_texts_made_in_a_new_way_is_told_and_starts_no_training():
    signal = PreprocessingChange().check(CASES["PreprocessingChange"])
    assert (signal.effect, signal.threshold, signal.p_value) == (0.8, 0.5, None)
    assert "80% of 200 recent texts were made by cleaner 4" in signal.reason
    decision = decided(signal)
    assert not decision.train
    assert decision.reasons[0].startswith("preprocessing starts no training by itself: ")


def test_a_shift_that_comes_with_another_pipeline_waits_for_a_loss_of_quality():
    shifted = replace(world(asked(9, 200, (4, 5, 6, 7))), preprocessing=CHANGED)
    triggers = (EmbeddingShift(), OutOfDistribution(), PreprocessingChange())
    signals = [trigger.check(shifted) for trigger in triggers]
    assert all(signal.fired for signal in signals)
    assert explain(signals).cause == "pipeline"
    assert explain(signals).source == "input"
    assert not decided(*signals).train
    lost = Signal(QualityDrop.name, True, "worse", p_value=1e-12, cause="retrieval_loss")
    assert decided(*signals, lost).train
    # The same shift without the other pipeline is one of topics.
    same = [trigger.check(replace(shifted, preprocessing={})) for trigger in triggers]
    assert explain(same).cause == "concept"
    assert decided(*same).train


def test_a_few_texts_of_another_pipeline_hide_no_shift():
    few = {"texts": Preprocessing({"a": 400}, {"a": 150, "b": 50})}
    signal = PreprocessingChange().check(world(preprocessing=few))
    assert not signal.fired
    assert "25% of 200 recent texts" in signal.reason


def test_documents_cut_another_way_are_told_and_texts_that_nobody_recorded_are_not():
    documents = {"documents": Preprocessing({"a": 10}, {"b": 5}, {"b": "pages, cut at 900"})}
    signal = PreprocessingChange().check(world(preprocessing=documents))
    assert not signal.fired
    assert "100% of 5 recent documents were made by pages, cut at 900" in signal.reason
    unknown = {"texts": Preprocessing({}, {"b": 5})}
    assert not PreprocessingChange().check(world(preprocessing=unknown)).measured
