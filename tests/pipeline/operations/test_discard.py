"""Excluding records: out of learning and checks, never deleted, and included again on request."""

from datetime import UTC, datetime

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.cycle.check import window_of
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.run import run_cycle
from pipeline.cycle.window import gather
from pipeline.operations.discard import Records, discard_records
from pipeline.operations.status import status_now
from pipeline.store import (
    DiscardedCounts,
    FileProgress,
    Record,
    Selection,
    Store,
    Traffic,
)
from training.faults import DataFault
from training.pairs.pair import Pair

NOW = datetime(2026, 3, 9, tzinfo=UTC)
FORUM = Selection("source", "forum")


def do(opened, *, undo=False, reason="bad labels", **named):
    return discard_records(
        opened.store,
        opened.versions,
        Records(**named),
        undo=undo,
        reason=reason,
        who="ada",
        now=NOW,
    )


def gathered_now(opened):
    window = window_of(opened, opened.versions.champion())
    return gather(opened.store, window, opened.settings.tables.observe)


def next_lesson(opened):
    champion = opened.versions.champion()
    return prepare_lesson(
        opened.settings,
        opened.store,
        opened.anchor_sets,
        opened.encoders,
        opened.versions.folder(champion),
        window_of(opened, champion),
    )


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        for file, source in (("a.jsonl", "forum"), ("b.jsonl", "forum"), ("b.jsonl", "shop")):
            records = [
                Record(Pair(f"{file} {source} {i}", f"query {i}", "answer", source=source), line=i)
                for i in range(3)
            ]
            opened.add("pair", "recent", records, progress=FileProgress(file))
        opened.add("traffic", "recent", [Record(Traffic("hello", source="forum"))])
        yield opened


def test_discarded_records_are_neither_returned_nor_counted_but_stay_stored(store):
    done = store.discard(FORUM, "spam", "ada", NOW)
    assert (done.pairs, done.traffic) == (6, 1)
    assert {pair.source for pair in store.pairs()} == {"shop"}
    assert (store.count_pairs(), store.count_traffic()) == (3, 0)
    assert store.traffic() == []
    counts = store.counts()
    assert counts.discarded == DiscardedCounts(pairs=6, traffic=1, documents=0, served=0)
    assert counts.stored == 10, "nothing is deleted"
    assert len(store.discarded_pairs()) == 6


def test_a_record_that_two_discards_cover_stays_out_until_both_are_undone(store):
    everything = store.pairs()
    store.discard(FORUM, "spam", "ada", NOW)
    of_file = Selection("file", "b.jsonl")
    assert store.discard(of_file, "half written", "bob", NOW).pairs == 6
    store.undo_discard(FORUM, "no spam after all", "ada", NOW)
    assert {pair.id for pair in store.pairs()} == {f"a.jsonl forum {i}" for i in range(3)}
    assert store.undo_discard(of_file, "whole again", "bob", NOW).pairs == 6
    assert store.pairs() == everything
    log = [
        (each.number, each.action, each.name, each.who, each.reason) for each in store.discards()
    ]
    assert log == [
        (1, "discard", "forum", "ada", "spam"),
        (2, "discard", "b.jsonl", "bob", "half written"),
        (3, "undo", "forum", "ada", "no spam after all"),
        (4, "undo", "b.jsonl", "bob", "whole again"),
    ]


def test_a_single_pair_is_taken_out_by_its_identifier(store):
    one = Selection("id", "a.jsonl forum 1")
    assert "a.jsonl forum 1" in store.names("id")
    assert (store.discard(one, "asked for", "ada", NOW).pairs, store.count_pairs()) == (1, 8)
    assert store.undo_discard(one, "not any more", "ada", NOW).pairs == 1
    assert store.count_pairs() == 9


def test_doing_it_again_marks_only_what_arrived_since(store):
    store.discard(FORUM, "spam", "ada", NOW)
    store.add("pair", "recent", [Record(Pair("late", "late query", "answer", source="forum"))])
    assert "late" in {pair.id for pair in store.pairs()}, "later arrivals are not concerned"
    assert store.discard(FORUM, "spam", "ada", NOW).pairs == 1
    assert "late" not in {pair.id for pair in store.pairs()}


def test_a_discarded_pair_is_in_no_new_mix_memory_or_new_task_and_waits_no_more(opened):
    good = [{**row, "source": "good"} for row in sentences(TRAVEL, 120, 21)]
    bad = [{**row, "source": "bad"} for row in sentences(TRAVEL, 80, 22)]
    write_lines(opened.settings.root / "pairs" / "more.jsonl", [*good, *bad])
    opened.take_in(NOW)
    assert status_now(opened, NOW).waiting.pairs == 200
    done = do(opened, source="bad")
    assert (done.pairs, done.champion.in_memory, done.who) == (80, 0, "ada")
    assert {pair.source for pair in gathered_now(opened).pairs} == {"good"}
    lesson = next_lesson(opened)
    used = {pair.id for pair in (*lesson.mixture.pairs, *lesson.memory, *lesson.learned)}
    measured = {*lesson.new_task.queries.values(), *lesson.new_task.corpus.values()}
    assert not used & {row["id"] for row in bad}
    assert not measured & {text for row in bad for text in (row["query"], row["positive"])}
    found = status_now(opened, NOW)
    assert found.waiting.pairs == 120
    for count in (found.records.pairs, found.records.traffic):
        assert count.stored == count.learned + count.waiting + count.discarded
    assert found.records.pairs.discarded == 80


def test_what_a_promoted_cycle_brought_leaves_the_memory_of_the_next_candidate(opened):
    done = do(opened, cycle="2")
    assert (done.name, done.pairs) == ("0002", 300)
    held = done.champion.in_memory
    champion = opened.versions.folder(opened.versions.champion())
    assert held == sum(pair.source == "flight" for pair in champion.memory()) > 0
    write_lines(opened.settings.root / "pairs" / "more.jsonl", sentences(TRAVEL, 100, 23))
    opened.take_in(NOW)
    assert {pair.source for pair in next_lesson(opened).memory} == {"lost"}
    assert do(opened, cycle="0002", undo=True).pairs == 300
    assert "flight" in {pair.source for pair in next_lesson(opened).memory}


def test_what_is_left_of_a_refused_batch_is_checked_again(opened):
    both = [*sentences(BANK, 40, 60), *sentences(TRAVEL, 40, 61)]
    write_lines(opened.settings.root / "traffic" / "t.jsonl", texts_of(both))
    write_lines(opened.settings.root / "pairs" / "p.jsonl", sentences(TRAVEL, 5, 24))
    assert run_cycle(opened, NOW).outcome == "quiet"
    before = run_cycle(opened, NOW).decision.reasons[0]
    assert before.startswith("nothing new since cycle 0003")
    do(opened, file="pairs/p.jsonl")
    assert not gathered_now(opened).idle
    do(opened, file="pairs/p.jsonl", undo=True)
    assert gathered_now(opened).idle.startswith("nothing new")


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, "exactly one of cycle, source, file and pair id must be named, got none"),
        ({"source": "a", "file": "b"}, "got source and file"),
        ({"source": "no such"}, r"source 'no such'; there are: .*'flight', 'lost'"),
        ({"pair": "no such"}, r"id 'no such'; there are: .* and \d+ more"),
        ({"file": "no.jsonl"}, r"file 'no.jsonl'; there are: .*'pairs/travel.jsonl'"),
        ({"cycle": "0001"}, r"no cycle '0001' checked arrivals; those that did: 0002"),
        ({"cycle": "0002", "undo": True}, "no discard of the cycle '0002' to undo; .* none"),
        ({"cycle": "0002", "reason": " "}, "the reason is empty"),
    ],
)
def test_what_is_not_there_is_refused_and_what_is_there_is_named(opened, named, message):
    with pytest.raises(DataFault, match=message):
        do(opened, **named)
    assert opened.store.discards() == []


def test_an_unfinished_cycle_keeps_the_records_it_began_with(opened):
    row = opened.store.begin_cycle(NOW)
    with pytest.raises(DataFault, match=f"cycle {row.id} is unfinished"):
        do(opened, source="lost")


def test_a_cycle_that_saw_nothing_new_is_refused_with_the_one_that_saw_it(opened):
    write_lines(opened.settings.root / "traffic" / "t.jsonl", texts_of(sentences(BANK, 40, 60)))
    assert run_cycle(opened, NOW).outcome == "quiet"
    assert run_cycle(opened, NOW).outcome == "quiet"
    with pytest.raises(DataFault, match="discard cycle 0003"):
        do(opened, cycle="4")
