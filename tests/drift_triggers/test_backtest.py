"""Replay of past windows: what counts as false alarm, miss and delay."""

import pytest
from made_windows import CASES, made, world

from drift_triggers import Policy, Window, replay


def test_a_replay_counts_false_alarms_misses_and_delay_for_triggers_and_policy():
    quiet, moved = world(), CASES["EmbeddingShift"]
    plan = [(quiet, False), (quiet, False), (quiet, True), (moved, True), (moved, True)]
    plan += [(moved, None), (moved, False), (quiet, True)]
    windows = [
        Window(f"day {day}", 24.0 * day, observation, drifted)
        for day, (observation, drifted) in enumerate(plan)
    ]
    result = replay(windows, [made("EmbeddingShift")], Policy(cooldown_hours=0.0))
    assert [score.name for score in result.scores] == ["embedding_shift", "any trigger", "policy"]
    for score in result.scores:
        assert (score.quiet, score.false_alarms) == (3, 1)
        assert (score.drifted, score.misses) == (4, 2)
        assert score.delays == (24.0, None)
    assert result.names[0] == "day 0"
    assert [decision.train for decision in result.decisions] == [False] * 3 + [True] * 4 + [False]


def test_windows_without_input_count_neither_as_quiet_nor_as_missed():
    seen, blind = CASES["SimilarityShift"], world(served_recently=None)
    plan = [(world(), False), (blind, False), (blind, True), (seen, True), (blind, True)]
    plan += [(world(), False), (blind, True), (blind, None)]
    windows = [
        Window(f"day {day}", 24.0 * day, observation, drifted)
        for day, (observation, drifted) in enumerate(plan)
    ]
    result = replay(windows, [made("SimilarityShift")], Policy(cooldown_hours=0.0))
    trigger, _, policy = result.scores
    assert (trigger.quiet, trigger.false_alarms) == (2, 0)
    assert (trigger.drifted, trigger.misses) == (1, 0)
    # The alarm came a day after the drift began; the second stretch was never measured.
    assert trigger.delays == (24.0,)
    assert trigger.unmeasured == 5
    assert (policy.quiet, policy.drifted, policy.misses, policy.unmeasured) == (3, 4, 3, 0)


def test_a_replay_needs_windows_in_order_of_time():
    with pytest.raises(ValueError, match="at least one window"):
        replay([], [made("ModelAge")], Policy())
    with pytest.raises(ValueError, match="order of time"):
        replay([Window("b", 2.0, world()), Window("a", 1.0, world())], [], Policy())
