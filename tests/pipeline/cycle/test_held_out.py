"""The hold-out of a cycle: as many as the gate needs, and nobody who was held out is learned."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from made_streams import TRAVEL, sentences, write_lines

from pipeline.cycle.check import shortage_of, window_of
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.window import waiting_pairs
from pipeline.results import CycleResult, DecisionResult, IntakeResult, LessonResult, Serving
from training.pairs import HoldOut, Mix, normalised

NOW = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def arrive(opened):
    """Take in so many pairs more, and return the lesson of all that wait."""

    def more(count, seed, **tables):
        if count:
            rows = sentences(TRAVEL, count, seed)
            write_lines(opened.settings.root / "pairs" / f"{seed}.jsonl", rows)
            opened.take_in(NOW)
        changed = replace(opened.settings, tables=replace(opened.settings.tables, **tables))
        champion = opened.versions.champion()
        parts = (changed, opened.store, opened.anchor_sets, opened.encoders)
        window = window_of(opened, champion)
        return prepare_lesson(*parts, opened.versions.folder(champion), window)

    return more


@pytest.fixture
def end(opened):
    """End a cycle that learned a lesson, and whose candidate was not promoted."""

    def finish(lesson, written_before=False):
        facts = lesson.facts().to_json()
        if written_before:
            del facts["hold_out"]
        window = window_of(opened, opened.versions.champion())
        row = opened.store.begin_cycle(NOW)
        result = CycleResult(
            cycle=row.id, outcome="inconclusive", lesson=LessonResult.model_validate(facts),
            decision=DecisionResult(train=True, reasons=("r",)),
            champion=Serving(version=window.champion), window=window, intake=IntakeResult(),
            seconds={}, run_id="run",
        )  # fmt: skip
        opened.store.finish_cycle(row.id, "inconclusive", result.to_json())

    return finish


def held_out(lesson):
    return {normalised(text) for text in lesson.new_task.queries.values()}


def learned(lesson):
    return {normalised(pair.query) for pair in lesson.learned}


def test_as_many_queries_are_held_out_as_the_gate_needs_and_it_says_why(arrive):
    lesson = arrive(100, 71)
    few = held_out(lesson)
    assert 30 <= len(few) < 40, "at least 64 pairs are left to train on"
    assert lesson.facts().hold_out.reason.endswith("; the others are left to learn")
    more = arrive(500, 72)
    assert len(held_out(more)) > 150
    reason = more.facts().hold_out.reason
    assert reason.startswith(f"{len(held_out(more))} of ")
    assert "show a gain of 0.050 at 80 % power" in reason
    assert "cycle 0002" in reason, "that one says how differences scatter"


def test_what_was_held_out_in_an_earlier_cycle_is_not_learned_while_it_waits(arrive, end):
    first = arrive(200, 73)
    early = held_out(first)
    assert len(early) == 100, "half"
    end(first)
    later = arrive(900, 74)
    assert not early & learned(later)
    measured = held_out(later)
    assert len(measured) <= 200
    assert len(early & measured) < len(measured) / 2, "what came first does not outweigh the rest"
    end(later)
    last = arrive(0, 0)
    assert held_out(last) == measured
    assert not (early | measured) & learned(last)


def test_a_share_of_the_settings_decides_alone(arrive, end):
    first = arrive(200, 75)
    end(first)
    lesson = arrive(300, 76, holdout=HoldOut(share=0.1))
    assert 30 <= len(held_out(lesson)) < 80
    assert lesson.facts().hold_out.reason == ""


def test_cycles_that_did_not_record_it_hold_nothing_back(arrive, end):
    first = arrive(200, 77)
    end(first, written_before=True)
    assert len(held_out(arrive(0, 0))) == len(held_out(first))


def test_holding_out_leaves_enough_to_train_on(arrive, opened):
    lesson = arrive(100, 78, mix=Mix(minimum_pairs=60))
    assert not lesson.shortage
    assert len(held_out(lesson)) >= 30
    window = window_of(opened, opened.versions.champion())
    pairs = waiting_pairs(opened.store, window)
    assert not shortage_of(opened.settings.tables, opened.store, window, pairs)


@pytest.fixture
def grouped(opened, arrive):
    """Take in pairs of many customers, and return the lesson that is split by them."""

    def lesson(count, seed, **tables):
        rows = sentences(TRAVEL, count, seed)
        for number, row in enumerate(rows):
            row["group"] = f"customer {number % 40}"
        write_lines(opened.settings.root / "pairs" / f"{seed}.jsonl", rows)
        opened.take_in(NOW)
        return arrive(0, 0, holdout=HoldOut(by="group"), **tables)

    return lesson


def test_no_customer_is_on_both_sides_of_a_lesson(grouped, opened):
    lesson = grouped(200, 81)
    queries = held_out(lesson)
    every = opened.store.pairs(role="recent")
    held = {pair.group for pair in every if normalised(pair.query) in queries}
    learned = {pair.group for pair in lesson.mixture.pairs if pair.group}
    assert len(held) > 3
    assert len(learned) > 3
    assert not held & learned


def test_a_customer_who_is_held_out_is_remembered_and_not_replayed(grouped, opened):
    first, *_, last = sorted((f"customer {n}" for n in range(40)), key=HoldOut().position)
    rows = sentences(TRAVEL, 8, 83)
    for row, group in zip(rows, 5 * [first] + 3 * [last], strict=True):
        row["group"] = group
    write_lines(opened.settings.root / "history" / "later.jsonl", rows)
    lesson = grouped(200, 82)
    remembered = Counter(pair.group for pair in lesson.memory if pair.group)
    assert min(remembered[first], remembered[last]) > 0
    assert {pair.group for pair in lesson.selection.memory} == {"", last}
    assert lesson.facts().hold_out.apart == remembered[first]
