"""Waiting pairs: a cycle uses a bounded part of them, tells so, and loses none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made_streams import TRAVEL, sentences, write_lines

from pipeline import Workspace
from pipeline.cycle.check import window_of
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.window import gather, waiting_pairs
from pipeline.results import TRAINED
from pipeline.workspace import load_settings
from pipeline.workspace.settings_fault import SettingsFault
from training.pairs import HoldOut, Waiting, normalised

NOW = datetime(2026, 3, 9, tzinfo=UTC)
SMALL = """
[waiting]
pairs = 150

[holdout]
maximum = 30
"""


def add_settings(space, more=SMALL):
    file = space / "anchorhold.toml"
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")


@pytest.fixture
def bounded(opened):
    """Return an open workspace in which 400 pairs wait and 150 of them are used."""
    tables = replace(
        opened.settings.tables, waiting=Waiting(pairs=150), holdout=HoldOut(maximum=30)
    )
    rows = sentences(TRAVEL, 400, 61)
    for row in rows[:20]:
        row["source"] = "slow desk"
    write_lines(opened.settings.root / "pairs" / "more.jsonl", rows)
    opened.take_in(NOW)
    return replace(opened, settings=replace(opened.settings, tables=tables))


def test_a_window_is_bounded_says_so_and_starves_no_source(bounded):
    window = window_of(bounded, bounded.versions.champion())
    found = waiting_pairs(bounded.store, window)
    assert (window.pairs, window.used, len(found)) == (400, 150, 150)
    assert sum(pair.source == "slow desk" for pair in found) == 20
    told = "400 pairs wait, 150 are used: the newest, and a sample of the others (waiting.pairs)"
    assert window.unused == told
    gathered = gather(bounded.store, window, bounded.settings.tables.observe)
    assert (len(gathered.pairs), gathered.unused_pairs, gathered.unused) == (150, 250, told)
    assert type(window).model_validate(window.to_json()) == window, "a resumed cycle has the same"


def test_where_all_pairs_fit_nothing_is_left_out(opened):
    write_lines(opened.settings.root / "pairs" / "more.jsonl", sentences(TRAVEL, 200, 62))
    opened.take_in(NOW)
    window = window_of(opened, opened.versions.champion())
    assert (window.pairs, window.used, window.most, window.unused) == (200, 200, None, "")
    assert len(waiting_pairs(opened.store, window)) == 200


def test_the_hold_out_of_a_bounded_window_is_full_and_is_not_learned(bounded):
    champion = bounded.versions.folder(bounded.versions.champion())

    def lesson_now():
        window = window_of(bounded, bounded.versions.champion())
        parts = (bounded.settings, bounded.store, bounded.anchor_sets, bounded.encoders)
        return prepare_lesson(*parts, champion, window)

    first = lesson_now()
    measured = {normalised(text) for text in first.new_task.queries.values()}
    assert len(measured) == 30, "as many as if all 400 were used"
    assert not measured & {normalised(pair.query) for pair in first.learned}
    write_lines(bounded.settings.root / "pairs" / "still.jsonl", sentences(TRAVEL, 40, 63))
    bounded.take_in(NOW)
    later = lesson_now()
    again = {normalised(text) for text in later.new_task.queries.values()}
    assert len(again) == 30
    assert not again & {normalised(pair.query) for pair in later.learned}


@pytest.mark.slow
def test_what_a_promotion_passes_over_stays_stored_and_counted(turned):
    # More than are used at once, and yet they count.
    triggers = "[triggers]\nfresh_data.minimum_pairs = 300\ndata_quality.enabled = false\n"
    add_settings(turned, f"{SMALL}\n{triggers}")
    write_lines(turned / "pairs" / "more.jsonl", sentences(TRAVEL, 400, 64))
    with Workspace.open(turned, now=NOW + timedelta(days=30)) as workspace:
        result = workspace.run()
        assert result.outcome in TRAINED, result.decision.reasons
        assert (result.window.pairs, result.window.used) == (400, 150)
        assert result.window.unused in result.decision.reasons
        assert result.lesson.recent <= 150
        status = workspace.status()
        if result.outcome != "promoted":
            workspace.promote(result.candidate.version, reason="a test", force=True)
            assert (status.waiting.pairs, status.waiting.used_pairs) == (400, 150)
            assert status.records.pairs.passed_over == 0
            status = workspace.status()
    records = status.records.pairs
    assert (status.waiting.pairs, records.passed_over) == (0, 250)
    assert records.stored == records.learned + records.passed_over
    assert records.stored == 200 + 300 + 400


def test_settings_in_which_the_gate_could_decide_less_are_refused(turned):
    add_settings(turned, "\n[waiting]\npairs = 400\n")
    with pytest.raises(SettingsFault, match=r"waiting\.pairs: 400 pairs .* allowed: 1000 or more"):
        load_settings(turned)
