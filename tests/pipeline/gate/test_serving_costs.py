"""What serving costs: measured side by side, and refused where it cannot be measured."""

import itertools
import math

import numpy as np
import pytest

from pipeline.gate.gate import Gate
from pipeline.gate.serving_costs import ROUNDS, measure
from pipeline.results import ServingCost, ServingCosts
from training.encoding import Encoder
from training.evaluation.scorecard import Scorecard, TaskScores


def judged(costs, **limits):
    ids = tuple(f"q{i}" for i in range(300))

    def card(name, new):
        tasks = {"new": new, "anchor/past": np.full(300, 0.5)}
        return Scorecard(
            name, {task: TaskScores(ids, {"ndcg_at_10": each}, "s") for task, each in tasks.items()}
        )

    old, new = card("a", np.full(300, 0.5)), card("b", np.full(300, 0.7))
    return Gate(**limits).judge(old, new, costs=costs)


def costs(seconds=1.0, size=100):
    return ServingCosts(
        champion=ServingCost(seconds=1.0, bytes=100),
        candidate=ServingCost(seconds=seconds, bytes=size),
    )


def test_both_models_take_turns_and_the_median_of_the_rounds_counts(tiny_model):
    ticks = itertools.count()
    found = measure(
        tiny_model, tiny_model, ["a text"], load=Encoder.load, clock=lambda: next(ticks)
    )
    assert found.champion == found.candidate
    assert found.champion.bytes >= (tiny_model / "model.safetensors").stat().st_size
    assert found.latency_ratio == found.size_ratio == 1.0
    assert next(ticks) == 2 * 2 * ROUNDS + 2


@pytest.mark.parametrize(
    ("limits", "measured", "outcome", "said"),
    [
        ({}, None, "promoted", ""),
        ({"max_latency_ratio": 1.5}, costs(1.4), "promoted", ""),
        ({"max_latency_ratio": 1.5}, costs(1.6), "rejected", "latency: 1.60 times"),
        ({"max_size_ratio": 1.0}, costs(size=101), "rejected", "size: 1.01 times"),
        ({"max_latency_ratio": 1.5}, None, "rejected", "latency: could not be measured"),
        ({"max_latency_ratio": 1.5}, costs(math.nan), "rejected", "could not be measured"),
        ({"max_size_ratio": 2.0}, costs(size=0), "rejected", "size: could not be measured"),
    ],
)
def test_a_condition_on_costs_refuses_and_what_was_not_measured_never_passes(
    limits, measured, outcome, said
):
    import re

    verdict = judged(measured, **limits)
    assert verdict.outcome == outcome
    assert re.search(said, verdict.reasons[1])
