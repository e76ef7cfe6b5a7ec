"""The history of a workspace: every cycle, what was decided, and what is unfinished."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made_streams import BANK, sentences, texts_of, write_lines

from pipeline import Workspace
from pipeline.operations.history import history_of, write_history
from pipeline.reports import Report
from pipeline.results import HistoryResult
from pipeline.store import Pruned, Selection
from training.faults import DataFault

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def test_words_of_texts_are_shown_as_the_settings_say(opened):
    shown = history_of(opened.settings, opened.store).cycles[1]
    tables = replace(opened.settings.tables, report=Report(texts="none"))
    hidden = history_of(replace(opened.settings, tables=tables), opened.store).cycles[1]
    assert shown.terms
    assert {*hidden.terms} == {"[not shown]"}
    assert hidden.triggers == shown.triggers


def test_each_cycle_is_a_row_and_each_version_has_its_scores(opened):
    found = history_of(opened.settings, opened.store)
    assert [each.outcome for each in found.cycles] == ["bootstrapped", "promoted"]
    assert found.outcomes == {"bootstrapped": 1, "promoted": 1}
    first, second = found.cycles
    assert (second.champion, second.candidate) == (2, 2)
    assert first.pairs_in > 0
    assert second.pairs_in > 0
    assert second.learned == second.recent > 0
    assert second.report == "cycles/0002/report.html"
    assert (opened.settings.state / second.report).is_file()
    assert "embedding_shift" in {each.trigger for each in second.triggers}
    assert second.hit_rates.keys() == {"anchor/bank"}
    assert second.seconds["total"] > 0
    assert second.disk_bytes > 100_000
    bank = [each for each in found.scores if each.task == "anchor/bank"]
    assert [(each.version, each.champion) for each in bank] == [(1, None), (2, 1)]
    assert bank[1].before == pytest.approx(bank[0].score)
    assert {each.version for each in found.cosines} == {1, 2}


def test_decisions_are_told_with_reason_and_the_first_sign_of_drift(opened):
    store = opened.store
    store.discard(Selection("source", "travel"), "wrong <b>labels</b>", "ann", NOW)
    found = history_of(opened.settings, store)
    assert [each.action for each in found.decisions] == ["bootstrap", "promote", "discard"]
    bootstrap, promoted, excluded = found.decisions
    assert promoted.cycle == "0002"
    assert promoted.reason.startswith("cycle 0002: promoted")
    assert promoted.warned_by in found.cycles[1].fired
    assert promoted.warned_days == 0
    assert bootstrap.warned_by is None
    assert (excluded.who, excluded.reason) == ("ann", "wrong <b>labels</b>")


def test_a_cycle_that_was_cut_off_is_named_and_is_no_row(opened):
    row = opened.store.begin_cycle(NOW)
    opened.store.record_stage(row.id, "intake", {"result": {}, "seconds": 1})
    found = write_history(opened.settings, opened.store)
    assert found.unfinished == row.id == "0003"
    assert len(found.cycles) == 2
    page = (opened.settings.state / "history.html").read_text(encoding="utf-8")
    assert "Cycle 0003 was begun and is not finished" in page


def test_a_report_that_was_deleted_is_not_linked(opened):
    shutil.rmtree(opened.settings.state / "cycles" / "0001")
    opened.store.mark_pruned(Pruned("cycle", "0001", "[keep] cycles = 1", NOW))
    found = write_history(opened.settings, opened.store)
    assert [each.report for each in found.cycles] == [None, "cycles/0002/report.html"]
    assert found.without_report == 1
    page = (opened.settings.state / "history.html").read_text(encoding="utf-8")
    assert "cycles/0001/report.html" not in page
    assert "1 cycle without a link" in page


def test_the_json_beside_the_page_is_what_is_returned(opened):
    found = write_history(opened.settings, opened.store)
    twin = json.loads((opened.settings.state / "history.json").read_text(encoding="utf-8"))
    assert twin == found.to_json()
    assert HistoryResult.model_validate(twin).cycles[1].triggers == found.cycles[1].triggers


def test_time_has_a_price_where_the_settings_name_one(opened):
    assert history_of(opened.settings, opened.store).cycles[1].price is None
    tables = opened.settings.tables
    compute = replace(tables.compute, price_per_hour=3600.0)
    settings = replace(opened.settings, tables=replace(tables, compute=compute))
    row = history_of(settings, opened.store).cycles[1]
    assert row.price == pytest.approx(row.seconds["total"], abs=1e-3)


def test_a_workspace_without_a_finished_cycle_has_an_empty_history(workspace):
    state = (workspace / ".anchorhold").rename(workspace / "aside")
    with Workspace.open(workspace) as space, pytest.raises(DataFault, match="no champion yet"):
        space.report_all()
    state.rename(workspace / ".anchorhold")
    with Workspace.open(workspace) as space:
        found = space.report_all()
    assert (found.cycles, found.champion, found.outcomes) == ((), None, {})
    page = (workspace / ".anchorhold" / "history.html").read_text(encoding="utf-8")
    assert "No cycle is finished yet" in page


def test_a_rollback_and_a_quiet_cycle_follow_a_promotion(turned):
    write_lines(turned / "traffic" / "later.jsonl", texts_of(sentences(BANK, 40, 61)))
    with Workspace.open(turned, now=NOW) as space:
        space.rollback(reason="users complained", who="ana")
    with Workspace.open(turned, now=NOW + timedelta(days=1)) as space:
        outcome = space.run().outcome
        found = space.report_all()
    assert [each.outcome for each in found.cycles][2] == outcome
    assert found.cycles[2].champion == found.champion
    left = next(each for each in found.decisions if each.action == "rollback")
    assert (left.version, left.previous, left.reason) == (1, 2, "users complained")
    assert (left.cycle, left.who) == (None, "ana")
