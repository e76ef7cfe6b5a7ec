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
    # The second is mixed as the reference is, which the champion has learned.
    mixed = [*sentences(BANK, 60, 22), *sentences(TRAVEL, 60, 22, prefix="t")]
    windows = {"1": sentences(BANK, 120, 21), "2": mixed, "3": sentences(COOK, 120, 23)}
    for name, asked in windows.items():
        write_lines(tmp_path / f"{name}.jsonl", texts_of(asked))
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


def windows_of(folder, *topics, pairs=True):
    """Write a window of texts per topic, and labelled pairs of it."""
    for day, words in enumerate(topics):
        write_lines(folder / f"{day}.jsonl", texts_of(sentences(words, 100, 40 + day)))
        if pairs:
            write_lines(folder / "pairs" / f"{day}.jsonl", sentences(words, 80, 60 + day))


def test_the_lead_is_told_from_the_first_alarm_to_the_loss_of_hit_rate(opened, tmp_path):
    windows_of(tmp_path, BANK, COOK, COOK)
    rows = sentences(COOK, 80, 71)
    answers = [row["positive"] for row in rows]
    # On the third day the champion no longer finds the answers.
    lost = [{**row, "positive": answers[place - 9]} for place, row in enumerate(rows)]
    write_lines(tmp_path / "pairs" / "2.jsonl", lost)
    found = backtest(opened, tmp_path, NOW)
    assert found.quality_measured == 3
    assert [loss.window for loss in found.losses] == ["2.jsonl"]
    assert "labelled pairs" in found.losses[0].reason
    leads = {each.name: each.leads for each in found.scores}
    assert leads["policy"] == leads["any trigger"] == (1,)
    assert leads["model_age"] == (None,)


def test_without_a_loss_no_lead_is_told(opened, tmp_path):
    windows_of(tmp_path, BANK, TRAVEL)
    found = backtest(opened, tmp_path, NOW)
    assert (found.losses, found.quality_measured) == ((), 2)
    assert all(each.leads == () for each in found.scores)


def test_clicks_of_a_window_measure_quality_too(opened, tmp_path):
    windows_of(tmp_path, BANK, BANK, pairs=False)
    for day, apart in enumerate((2, 30)):
        lines = [
            {
                "query": row["query"],
                "results": [{"id": "d1"}, {"id": "d2"}],
                "clicked": [] if number % apart else ["d1"],
            }
            for number, row in enumerate(sentences(BANK, 60, 80 + day))
        ]
        write_lines(tmp_path / "log" / f"{day}.jsonl", lines)
    found = backtest(opened, tmp_path, NOW)
    assert found.quality_measured == 1, "the first window stands for the time before"
    assert [(loss.window, loss.place) for loss in found.losses] == [("1.jsonl", 1)]
    assert found.losses[0].reason.startswith("retrieval got worse: clicks")


def test_labels_of_no_window_are_refused(opened, tmp_path):
    windows_of(tmp_path, BANK)
    write_lines(tmp_path / "pairs" / "9.jsonl", sentences(BANK, 30, 1))
    with pytest.raises(DataFault, match=r"9\.jsonl.*no window"):
        backtest(opened, tmp_path, NOW)
