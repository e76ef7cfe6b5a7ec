"""The window: the same data is not looked at twice, unless something was left open."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from made_streams import BANK, sentences, texts_of, write_lines

from pipeline.cycle.window import gather, window_now

NOW = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def look(opened):
    """Finish a cycle about the window of now, with the outcome and the signals given."""
    rows = texts_of(sentences(BANK, 60, 51))
    write_lines(opened.settings.root / "traffic" / "bank.jsonl", rows)
    opened.take_in(NOW)
    window = window_now(opened, opened.versions.champion())

    def finish(outcome, fired=False):
        signal = {"trigger": "embedding_shift", "fired": fired, "reason": "r", "examples": []}
        row = opened.store.begin_cycle(NOW)
        decision = {"train": False, "signals": [signal]}
        result = {"window": asdict(window), "decision": decision, "fresh": True}
        opened.store.finish_cycle(row.id, outcome, result)
        return row.id

    return finish


def test_what_arrived_since_the_champion_learned_is_the_window(opened, look):
    window = window_now(opened, opened.versions.champion())
    gathered = gather(opened, window)
    assert gathered.idle == ""
    assert len(gathered.recent) == 60
    assert gathered.fresh
    assert window.until == opened.store.last_sequence()


@pytest.mark.parametrize("outcome", ["quiet", "rejected", "inconclusive", "insufficient_data"])
def test_settled_data_is_not_looked_at_again(opened, look, outcome):
    cycle = look(outcome)
    gathered = gather(opened, window_now(opened, opened.versions.champion()))
    assert gathered.idle == f"nothing new since cycle {cycle}, whose outcome was {outcome}"


@pytest.mark.parametrize(("outcome", "fired"), [("blocked", True), ("quiet", True)])
def test_what_was_blocked_or_had_to_wait_is_looked_at_again(opened, look, outcome, fired):
    look(outcome, fired)
    gathered = gather(opened, window_now(opened, opened.versions.champion()))
    assert gathered.idle == ""
    assert not gathered.fresh, "the same texts cannot confirm themselves"


def test_another_champion_or_other_settings_are_a_reason_to_look_again(opened, look):
    look("quiet")
    window = window_now(opened, opened.versions.champion())
    for change in ({"settings": "other"}, {"champion": 1}):
        changed = type(window)(**{**asdict(window), **change})
        assert gather(opened, changed).idle == ""
