"""Backtest on past windows: what the triggers would have said, and how often they were wrong."""

import json
from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.operations.backtest import backtest
from training.faults import DataFault

NOW = datetime(2026, 3, 9, tzinfo=UTC)
COOK = ("recipe", "salt", "cook", "menu")


def test_a_folder_of_windows_gives_false_alarms_misses_and_delay(opened, tmp_path):
    for name, words, seed in (("1", BANK, 21), ("2", TRAVEL, 22), ("3", COOK, 23)):
        write_lines(tmp_path / f"{name}.jsonl", texts_of(sentences(words, 120, seed)))
    truth = {"1.jsonl": False, "2.jsonl": False, "3.jsonl": True}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    found = backtest(opened, tmp_path, NOW)
    assert [window.train for window in found.windows] == [False, False, True]
    policy = found.scores[-1]
    assert (policy.name, policy.false_alarms, policy.misses) == ("policy", 0, 0)
    assert policy.delays == (0.0,)
    assert {"embedding_shift", "out_of_distribution"} <= {each.name for each in found.scores}


def test_the_stored_cycles_are_windows_of_unknown_truth(opened):
    found = backtest(opened, None, NOW)
    assert [window.name for window in found.windows] == ["cycle 0002"]
    assert found.windows[0].drifted is None
    # The champion has learned that ground since.
    assert not found.windows[0].train


def test_an_empty_folder_and_a_truth_about_nothing_are_refused(opened, tmp_path):
    with pytest.raises(DataFault, match="at least one window"):
        backtest(opened, tmp_path, NOW)
    write_lines(tmp_path / "1.jsonl", texts_of(sentences(BANK, 30, 5)))
    (tmp_path / "truth.json").write_text('{"2.jsonl": true}')
    with pytest.raises(DataFault, match=r"2\.jsonl"):
        backtest(opened, tmp_path, NOW)
