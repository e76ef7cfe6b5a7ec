"""A simulated year names what was injected, and counts what it names without a reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import FakeEncoder
from pydantic import TypeAdapter

from pipeline.simulation import Corpus, Plan, Trial, distinct, foreseen, simulate
from pipeline.simulation.advice import advice
from pipeline.store import Traffic
from pipeline.workspace import Settings, Tables
from training.faults import DataFault

PLAN = Plan(weeks=3, patience=1, strengths=(1.0,), seeds=1, texts_per_week=100, learn=False)
QUICK = {"permutations": 199, "splits": 20}
TRIGGERS = {
    "embedding_shift": QUICK,
    "slow_drift": {"enabled": False},
    "vocabulary": {"splits": 20},
    "text_shape": {"splits": 20},
}


def settings(**triggers):
    values = {
        "model": {"name": "m", "base": "b"},
        "data": {},
        "triggers": {**TRIGGERS, **triggers},
    }
    tables = TypeAdapter(Tables).validate_python(values, context=Path())
    return Settings(root=Path(), tables=tables, digest="d")


def questions(words, count, seed):
    generator = np.random.default_rng(seed)
    texts = [f"{' '.join(generator.choice(words, 12))} {row} ?" for row in range(count)]
    return tuple(Traffic(each) for each in texts)


BANK = [f"{stem}{ending}" for stem in ("card", "loan", "fee", "bill") for ending in ("a", "b", "c")]
TRAVEL = ["hotel", "plane", "beach", "visa", "seat", "tour"]


@pytest.fixture(scope="module")
def trial():
    corpus = Corpus(
        name="made questions",
        texts=distinct(questions(BANK, 420, 1)),
        new=questions(TRAVEL, 150, 2),
        answers=tuple(f"the answer to that is option {row} of our list" for row in range(40)),
        answers_known=True,
    )
    return Trial(settings=settings(), corpus=corpus, plan=PLAN, told="made settings")


@pytest.fixture(scope="module")
def found(trial):
    return simulate(trial, FakeEncoder())


def test_each_cause_is_tried_and_most_are_named(found):
    named = {each.cause: each.named for each in found.drifts}
    assert named.keys() >= {"concept", "model_version", "vocabulary", "pipeline", "feedback_loop"}
    for cause in ("concept", "model_version", "pipeline", "feedback_loop"):
        assert named[cause] == cause
    assert all(each.right == (each.named == each.cause) for each in found.drifts)


def test_what_happens_without_a_person_is_told(found):
    acts = {each.cause: each.acts for each in found.drifts}
    assert (acts["model_version"], acts["feedback_loop"]) == ("block", "block")
    assert acts["concept"] == "train"
    assert acts["pipeline"] == ""


def test_quiet_weeks_are_counted_with_an_interval(found):
    assert found.quiet.weeks == PLAN.weeks
    assert 0 <= found.quiet.low <= found.quiet.alarms / PLAN.weeks <= found.quiet.high <= 1
    assert found.quiet.per_year[0] == 52 * found.quiet.alarms / PLAN.weeks


def test_the_same_seed_gives_the_same_year(trial, found):
    again = simulate(trial, FakeEncoder())
    assert again.changed(seconds=0.0) == found.changed(seconds=0.0)


def test_topics_are_held_back_and_missing_inputs_are_told(trial):
    bare = replace(trial.corpus, new=(), answers_known=False)
    plan = replace(PLAN, weeks=2)
    found = simulate(
        replace(trial, corpus=bare, plan=plan, watches=False), FakeEncoder(dimensions=16)
    )
    assert found.texts < len(bare.texts)
    assert any("generated_sources" in each for each in found.advice)
    assert any("watch_terms" in each for each in found.advice)
    own = next(each for each in found.drifts if each.cause == "feedback_loop")
    assert own.named != "feedback_loop"


def test_a_trigger_that_is_off_is_named_in_the_advice(found):
    missed = found.changed(
        drifts=tuple(each.changed(right=False, named="none") for each in found.drifts)
    )
    told = advice(missed, settings(space_mismatch={"enabled": False}), answers_known=True)
    assert any("space_mismatch" in each for each in told)


def test_a_dry_run_says_what_would_be_computed(trial):
    told = foreseen(trial)
    assert told.dry_run
    assert told.plan
    assert told.seconds > 0
    assert not told.drifts


def test_too_few_texts_are_refused():
    with pytest.raises(DataFault, match="there are 2 distinct texts"):
        distinct([Traffic("one"), Traffic("two"), Traffic("One!")])
