"""The window: the same data is not checked twice, unless something was left open."""

from datetime import UTC, datetime, timedelta

import pytest
from made_streams import BANK, sentences, texts_of, write_lines

from drift_triggers.signal import Signal
from pipeline.cycle.check import window_of
from pipeline.cycle.past_checks import lately
from pipeline.cycle.window import checks, gather
from pipeline.results import CycleResult, DecisionResult, IntakeResult, Serving

NOW = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def look(opened):
    """Finish a cycle about the window of now, with the outcome and the signals given."""
    rows = texts_of(sentences(BANK, 60, 51))
    write_lines(opened.settings.root / "traffic" / "bank.jsonl", rows)
    opened.take_in(NOW)
    window = window_of(opened, opened.versions.champion())

    def finish(outcome, fired=False, signals=True):
        row = opened.store.begin_cycle(NOW)
        result = CycleResult(
            cycle=row.id,
            outcome=outcome,
            decision=DecisionResult(
                train=False,
                reasons=("r",),
                signals=(Signal(trigger="embedding_shift", fired=fired, reason="r"),) * signals,
            ),
            champion=Serving(version=window.champion),
            window=window,
            fresh=True,
            intake=IntakeResult(),
            seconds={},
            run_id="run",
        )
        opened.store.finish_cycle(row.id, outcome, result.to_json())
        return row.id

    return finish


def gathered_of(opened, window):
    return gather(opened.store, window, opened.settings.tables.observe)


def test_what_arrived_since_the_champion_learned_is_the_window(opened, look):
    window = window_of(opened, opened.versions.champion())
    gathered = gathered_of(opened, window)
    assert gathered.idle == ""
    assert len(gathered.recent) == 60
    assert gathered.fresh
    assert window.until == opened.store.last_sequence()


@pytest.mark.parametrize("outcome", ["quiet", "rejected", "inconclusive", "insufficient_data"])
def test_settled_data_is_not_checked_again(opened, look, outcome):
    cycle = look(outcome)
    gathered = gathered_of(opened, window_of(opened, opened.versions.champion()))
    assert gathered.idle == f"nothing new since cycle {cycle}, whose outcome was {outcome}"


@pytest.mark.parametrize(("outcome", "fired"), [("blocked", True), ("quiet", True)])
def test_what_was_blocked_or_had_to_wait_is_checked_again(opened, look, outcome, fired):
    look(outcome, fired)
    gathered = gathered_of(opened, window_of(opened, opened.versions.champion()))
    assert gathered.idle == ""
    assert not gathered.fresh, "the same texts cannot confirm themselves"


def test_another_champion_or_other_settings_are_a_reason_to_check_again(opened, look):
    look("quiet")
    window = window_of(opened, opened.versions.champion())
    for change in ({"settings": "other"}, {"champion": 1}):
        changed = window.changed(**change)
        assert gathered_of(opened, changed).idle == ""


def test_only_the_newest_cycles_are_read_to_know_what_was_checked(opened, look, monkeypatch):
    for _ in range(60):
        look("quiet")
    read = []
    reading = type(opened.store).cycles

    def cycles(store, limit=None, outcomes=None, *, offset=0):
        found = reading(store, limit, outcomes, offset=offset)
        read.extend(row.id for row in found)
        return found

    monkeypatch.setattr(type(opened.store), "cycles", cycles)
    newest, window = next(checks(opened.store))
    assert window.until == opened.store.last_sequence()
    assert (newest.id, len(read)) == (read[0], 50)
    assert [cycle.id for cycle, _ in checks(opened.store)] == sorted(
        (f"{number:04}" for number in range(2, 63)), reverse=True
    )
    settled = gathered_of(opened, window_of(opened, opened.versions.champion()))
    assert settled.idle == f"nothing new since cycle {newest.id}, whose outcome was quiet"


def test_runs_that_find_nothing_to_check_do_not_hide_the_check_before(opened, look):
    checked = look("quiet", fired=True)
    for _ in range(120):
        look("quiet", signals=False)
    past = lately(opened.store, opened.settings.tables.policy, NOW + timedelta(hours=30))
    assert checked in [cycle.id for cycle in past]


def test_checks_from_before_a_champion_learned_are_left_out(opened, look):
    look("quiet")
    (cycle, window), *_ = checks(opened.store)
    assert [each.id for each, _ in checks(opened.store, after=window.until)] == [cycle.id]
    assert [*checks(opened.store, after=window.until + 1)] == []


def test_no_earlier_check_is_read_about_a_log_that_is_not_there(opened, look, monkeypatch):
    for _ in range(3):
        look("quiet")
    write_lines(opened.settings.root / "traffic" / "more.jsonl", texts_of(sentences(BANK, 9, 52)))
    opened.take_in(NOW)
    asked = []
    reading = type(opened.store).cycles

    def cycles(store, limit=None, outcomes=None, *, offset=0):
        asked.append(outcomes)
        return reading(store, limit, outcomes, offset=offset)

    monkeypatch.setattr(type(opened.store), "cycles", cycles)
    gathered = gathered_of(opened, window_of(opened, opened.versions.champion()))
    assert gathered.idle == "", gathered.idle
    assert not gathered.answered.any
    assert ("quiet",) not in asked
