"""Status: who serves, what waits, and what is unfinished."""

from dataclasses import replace
from datetime import UTC, datetime

from made_files import pairs, texts
from made_streams import BANK, sentences, texts_of, write_lines

from pipeline.operations.quarantine import quarantined
from pipeline.operations.status import status_now

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def test_the_champion_the_waiting_data_and_the_last_cycles_are_shown(opened):
    write_lines(opened.settings.root / "traffic" / "b.jsonl", texts_of(sentences(BANK, 40, 61)))
    opened.take_in(NOW)
    found = status_now(opened, NOW)
    assert found.champion.version == 2
    assert found.champion.age_days > 7
    assert (found.waiting.pairs, found.waiting.traffic) == (0, 40)
    assert [row.outcome for row in found.cycles] == ["promoted", "bootstrapped"]
    assert [move.version for move in found.promotions] == [1, 2]
    assert found.unfinished is None


def test_status_and_quarantine_tell_the_same_counts_and_these_add_up(opened):
    folder = opened.settings.root
    (folder / "pairs" / "bad.jsonl").write_bytes(pairs(*range(19)) + b"bad\n" + pairs(1))
    (folder / "traffic" / "bad.jsonl").write_bytes(texts(*map(str, range(30))) + b"7\n[]\n")
    opened.take_in(NOW)
    found, listed = status_now(opened, NOW), quarantined(opened.store, None, limit=9)
    read = found.read
    assert read == listed.read
    assert found.quarantined == read.quarantined == len(listed.records) == 3
    assert read.seen == read.stored + read.known + read.quarantined + read.erased
    assert read.stored == found.records.pairs.stored + found.records.traffic.stored
    assert read.known == 1


def test_what_the_anchor_sets_can_support_is_told(opened):
    found = status_now(opened, NOW)
    bank, learned = found.anchors
    assert (bank.anchor, bank.queries, bank.judged) == ("anchor/bank", 100, 1)
    assert bank.spread_from == "cycle 0002"
    assert (learned.anchor, learned.judged) == ("anchor/learned-0002", 0)
    assert learned.spread_from == "assumed"
    assert learned.can_vouch  # as many were held out as let it support later candidates
    assert not found.gate.meaningful
    assert any("anchor/learned-0002" in each for each in found.gate.warnings)


def test_how_often_an_equal_candidate_would_pass_is_told(opened):
    found = status_now(opened, NOW).outlook
    tasks = {(each.task, each.rule): each for each in found.tasks}
    assert tasks["anchor/bank", "no worse"].basis == "cycle 0002"
    assert tasks["new", "gain"].basis == "cycle 0002"
    assert found.limiting == found.tasks[0].task
    assert any(each.kind == "label" and "anchor/bank" in each.reason for each in found.remedies)
    assert found.chance < 0.5
    assert set(found.warnings) <= set(status_now(opened, NOW).gate.warnings)


def test_anchor_sets_that_cannot_be_read_are_named_and_the_rest_is_shown(opened):
    (opened.settings.root / "anchors" / "bank" / "qrels.tsv").unlink()
    found = status_now(opened, NOW)
    assert found.champion.version == 2
    assert "qrels.tsv" in found.gate.warnings[0]


def test_files_that_are_named_in_vain_or_not_read_are_told(opened):
    root = opened.settings.root
    (root / "pairs" / "faq.csv").touch()
    data = replace(opened.settings.tables.data, traffic=["traffic/gone.jsonl"])
    tables = replace(opened.settings.tables, data=data)
    found = status_now(opened.following(replace(opened.settings, tables=tables)), NOW)
    assert "data.traffic names traffic/gone.jsonl, which does not exist" in found.warnings
    assert any(each.startswith("pairs/faq.csv is not read") for each in found.warnings)


def test_an_interrupted_cycle_is_named(opened):
    row = opened.store.begin_cycle(NOW)
    found = status_now(opened, NOW)
    assert found.unfinished == row.id
    assert row.id not in {each.cycle for each in found.cycles}


def test_what_the_lines_of_a_log_became_is_counted(opened):
    lines = [
        {"query": "a first question", "results": ["d1"], "clicked": ["d1"]},
        {"query": "a second question", "results": ["d1"], "clicked": ["d9"]},
        {"query": "a third question"},
    ]
    write_lines(opened.settings.root / "log" / "1.jsonl", lines)
    data = replace(opened.settings.tables.data, log=["log/*.jsonl"])
    tables = replace(opened.settings.tables, data=data)
    settings = replace(opened.settings, tables=tables)
    result = opened.following(settings).take_in(NOW)
    found = status_now(opened, NOW).log
    assert (found.lines, found.texts, found.with_results, found.with_clicks) == (3, 3, 2, 1)
    assert (found.not_shown, found.quarantined, found.seen) == (1, 1, 4)
    assert found == result.log


def test_records_that_were_stored_before_something_was_taken_out_are_counted(opened):
    tables = opened.settings.tables
    masking = replace(tables, intake=replace(tables.intake, redact="mask"))
    changed = opened.following(replace(opened.settings, tables=masking))
    write_lines(opened.settings.root / "traffic" / "new.jsonl", [{"text": "ask ada@example.org"}])
    changed.take_in(NOW)
    found = status_now(changed, NOW)
    stored = found.records.pairs.stored, found.records.traffic.stored - 1
    told = [each for each in found.warnings if "under other settings of intake.redact" in each]
    assert [int(each.split()[0]) for each in told] == [*stored]
    assert found.redacted == 1
    assert not any("intake.redact" in each for each in status_now(opened, NOW).warnings)
