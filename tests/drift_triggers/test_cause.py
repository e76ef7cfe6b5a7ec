"""Each cause is caught by its trigger and named."""

import pytest
from made_windows import CASES, COSINES, PROBES, SCORES, facts, made, world

from drift_triggers import Quality, Served, Signal, Space, explain
from drift_triggers.cause import ANSWERS

# One made case for each cause: the right trigger fires, the others stay quiet where they should,
# and the cause is named.
ALL = [made(name) for name in CASES if name != "LongWords"]
ROWS = [
    (
        "new topics",
        CASES["EmbeddingShift"],
        {"embedding_shift", "out_of_distribution"},
        {"embedding_shift", "out_of_distribution"},
        "concept",
    ),
    (
        "another encoder",
        world(serving_space=Space("0" * 64, "1" * 64, PROBES)),
        {"space_mismatch"},
        {"space_mismatch"},
        "model_version",
    ),
    (
        "new words",
        CASES["Vocabulary"],
        {"vocabulary"},
        {"vocabulary", "text_shape"},
        "vocabulary",
    ),
    (
        "another form",
        CASES["TextShape"],
        {"text_shape"},
        {"text_shape", "embedding_shift", "out_of_distribution"},
        "pipeline",
    ),
    (
        "little by little",
        CASES["SlowDrift"],
        {"slow_drift"},
        {"slow_drift"},
        "temporal",
    ),
    (
        "another sense of a word",
        CASES["TermMeaning"],
        {"term_meaning"},
        {"term_meaning"},
        "temporal",
    ),
    (
        "one source",
        CASES["SourceShift"],
        {"source_shift"},
        {"source_shift"},
        "concept",
    ),
    (
        "unsteady embeddings",
        CASES["Instability"],
        {"instability"},
        {"instability"},
        "vocabulary",
    ),
    (
        "another pipeline",
        CASES["PreprocessingChange"],
        {"preprocessing"},
        {"preprocessing"},
        "pipeline",
    ),
    ("old age", CASES["ModelAge"], {"model_age"}, {"model_age"}, "temporal"),
    (
        "own answers",
        CASES["FeedbackLoop"],
        {"feedback_loop"},
        {"feedback_loop", "text_shape"},
        "feedback_loop",
    ),
    (
        "silent loss",
        world(
            served_recently=Served(COSINES - 0.2),
            quality={"golden": Quality(SCORES, SCORES * 0.7)},
        ),
        {"similarity_shift", "quality_drop"},
        {"similarity_shift", "quality_drop"},
        "retrieval_loss",
    ),
    (
        "broken records",
        world(recent_pairs=facts(missing={"positive": 30})),
        {"data_quality"},
        {"data_quality"},
        "data_quality",
    ),
    ("nothing", world(), set(), set(), "none"),
]


@pytest.mark.parametrize(
    ("observation", "must", "may", "cause"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_each_cause_is_caught_by_its_trigger_and_named(observation, must, may, cause):
    signals = [trigger.check(observation) for trigger in ALL]
    fired = {signal.trigger for signal in signals if signal.fired}
    assert must <= fired <= may
    explanation = explain(signals)
    assert explanation.cause == cause
    assert explanation.why
    assert explanation.answer == ANSWERS[cause]
    assert set(explanation.evidence) <= fired


SOURCES = {
    "new topics": "input",
    "another encoder": "model",
    "another form": "input",
    "one source": "input",
    "old age": "none",
    "own answers": "input",
    "silent loss": "unknown",
    "nothing": "none",
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_source_of_each_cause_is_named(name):
    observation = next(row[1] for row in ROWS if row[0] == name)
    assert explain([trigger.check(observation) for trigger in ALL]).source == SOURCES[name]


def test_a_loss_alone_is_traced_to_the_last_training_by_the_version_before():
    lost = Signal("quality_drop", True, "worse", p_value=1e-9, cause="retrieval_loss")
    assert explain([lost], fine_tuned=True).source == "fine-tuning"
    assert explain([lost], fine_tuned=False).source == "input"
    assert explain([lost]).source == "unknown"
    moved = Signal("embedding_shift", True, "shifted", p_value=1e-9, cause="concept")
    assert explain([lost, moved], fine_tuned=True).source == "input"


def test_a_trigger_without_input_is_no_evidence():
    missing = [Signal.unmeasured(trigger.name, "no input") for trigger in ALL]
    assert explain(missing).cause == "none"
    assert explain([*missing, Signal("own", True, "seen", cause="moon")]).evidence == ("own",)


def test_a_cause_of_the_users_own_trigger_is_passed_on():
    assert explain([Signal("own", True, "seen", cause="moon")]).cause == "moon"
