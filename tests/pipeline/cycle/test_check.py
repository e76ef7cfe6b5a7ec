"""The check: what a run would decide, without keeping anything."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.cycle.check import check_now, shortage_of, window_of
from pipeline.store import Record
from training.faults import DataFault
from training.unlabelled import Document, ServedQuery

NOW = datetime(2026, 3, 9, tzinfo=UTC)
COOK = ("recipe", "salt", "cook", "menu")


def test_what_waits_in_files_is_checked_and_not_kept(opened):
    rows = texts_of(sentences(COOK, 150, 31))
    write_lines(opened.settings.root / "traffic" / "cook.jsonl", rows)
    stored = opened.store.counts()
    finding = check_now(opened, traffic=None, pairs=None, now=NOW)
    assert finding.train
    assert finding.cause.cause != "none"
    assert finding.clusters[0].anchor_queries
    assert opened.store.counts() == stored
    assert check_now(opened, traffic=None, pairs=None, now=NOW).to_json() == finding.to_json()


def test_documents_and_clicks_are_something_to_learn_from(opened):
    tables, store = opened.settings.tables, opened.store
    window = window_of(opened, opened.versions.champion())

    def shortage():
        now = window.changed(until=store.last_sequence())
        return shortage_of(tables, store, now, ())

    assert shortage().startswith("not enough new pairs: 0 <")
    store.add("served", "recent", [Record(ServedQuery("where is my recipe"))])
    assert shortage()
    with store.rehearsal():
        store.add("served", "recent", [Record(ServedQuery("where is salt", clicked=("d1",)))])
        assert not shortage()
    store.add("document", "recent", [Record(Document("d1", "how to cook"))])
    assert not shortage()


def test_known_ground_in_a_file_is_quiet_and_new_ground_is_not(opened, tmp_path):
    # The second is mixed as the reference is, which the champion has learned.
    mixed = [*sentences(BANK, 60, 32), *sentences(TRAVEL, 60, 32, prefix="t")]
    for asked, train in (
        (sentences(BANK, 120, 32), False),
        (mixed, False),
        (sentences(COOK, 120, 32), True),
    ):
        write_lines(tmp_path / "texts.jsonl", texts_of(asked))
        finding = check_now(opened, traffic=tmp_path / "texts.jsonl", pairs=None, now=NOW)
        assert finding.train is train, finding.reasons
        json.dumps(finding.to_json(), allow_nan=False)


def test_every_trigger_that_is_switched_on_gives_its_signal(opened, tmp_path):
    write_lines(tmp_path / "texts.jsonl", texts_of(sentences(BANK, 120, 33)))
    finding = check_now(opened, traffic=tmp_path / "texts.jsonl", pairs=None, now=NOW)
    signalled = [signal.trigger for signal in finding.signals]
    assert signalled == [trigger.name for trigger in opened.settings.triggers]
    assert all(signal.reason for signal in finding.signals)
    assert set(finding.hit_rates) == {"anchor/bank", "anchor/learned-0002"}
    assert all(0.0 <= rate <= 1.0 for rate in finding.hit_rates.values())


def test_a_golden_set_that_became_harder_is_a_drop_of_quality(opened, tmp_path):
    corpus = opened.settings.root / "anchors" / "bank" / "corpus.jsonl"
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    # The documents that answered say something else now: their answers cannot be found any more.
    spoiled = [{**row, "text": f"recipe {number}"} for number, row in enumerate(rows)]
    write_lines(corpus, spoiled)
    write_lines(tmp_path / "texts.jsonl", texts_of(sentences(BANK, 120, 33)))
    finding = check_now(opened, traffic=tmp_path / "texts.jsonl", pairs=None, now=NOW)
    signals = {signal.trigger: signal for signal in finding.signals}
    assert signals["quality_drop"].fired, signals["quality_drop"].reason
    assert finding.cause.cause == "retrieval_loss"


def test_records_of_a_checked_file_that_are_no_pairs_are_counted(opened, tmp_path):
    settings = opened.settings
    intake = replace(settings.tables.intake, max_bad_share=0.9)
    lenient = opened.following(replace(settings, tables=replace(settings.tables, intake=intake)))
    rows = [*sentences(BANK, 60, 34), *({"query": "no answer"} for _ in range(40))]
    write_lines(tmp_path / "pairs.jsonl", rows)
    finding = check_now(lenient, traffic=None, pairs=tmp_path / "pairs.jsonl", now=NOW)
    signals = {signal.trigger: signal for signal in finding.signals}
    assert "data_quality" in finding.blocked_by
    assert "40 of 100" in signals["data_quality"].reason


def test_a_file_that_is_missing_or_empty_is_refused_by_name(opened, tmp_path):
    with pytest.raises(DataFault, match="nowhere"):
        check_now(opened, traffic=tmp_path / "nowhere.jsonl", pairs=None, now=NOW)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataFault, match="empty"):
        check_now(opened, traffic=None, pairs=tmp_path / "empty.jsonl", now=NOW)


def test_a_run_feeds_these_triggers_and_says_of_the_others_that_they_measured_nothing(opened):
    folder = opened.settings.root
    write_lines(folder / "traffic" / "bank.jsonl", texts_of(sentences(BANK, 150, 34)))
    write_lines(folder / "pairs" / "bank.jsonl", sentences(BANK, 40, 35))
    signals = check_now(opened, traffic=None, pairs=None, now=NOW).signals
    measured = {signal.trigger for signal in signals if signal.measured}
    assert measured >= {"embedding_shift", "out_of_distribution", "vocabulary", "text_shape"}
    assert measured >= {"quality_drop", "space_mismatch", "data_quality"}
    assert measured >= {"fresh_data", "model_age"}
    # Nothing of the product knows what a service answered, and no settings switch these on here.
    assert not measured & {"similarity_shift", "feedback_loop", "instability", "term_meaning"}
