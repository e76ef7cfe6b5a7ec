"""The judgement of a candidate: what it costs, how often its judges were used, what hurts."""

from dataclasses import replace

import pytest

from pipeline.cycle.judge import find_suspects, judge, with_reuse
from pipeline.cycle.lesson import prepare_lesson
from pipeline.gate import times_judged
from pipeline.results import past_cycles


@pytest.fixture
def window(opened):
    return past_cycles(opened.store, limit=1)[0].result.window


@pytest.fixture
def folders(opened):
    return [opened.versions.folder(opened.registry.version(number)) for number in (1, 2)]


@pytest.fixture
def lesson(opened, window, folders):
    return prepare_lesson(
        opened.settings, opened.store, opened.anchor_sets, opened.encoders, folders[0], window
    )


@pytest.fixture
def judged_again(opened, folders, lesson):
    """Return what judges version 2 against version 1 again, with some settings of the gate."""

    def again(lesson=lesson, **settings):
        gate = replace(opened.settings.tables.gate, **settings)
        guard = opened.settings.tables.leakage
        margins = opened.anchor_sets.margins
        verdict = judge(gate, opened.scores, *folders, None, lesson, margins, guard)
        return with_reuse(verdict, lesson, times_judged(past_cycles(opened.store)), gate)

    return again


def test_costs_are_measured_only_where_a_condition_asks_for_them(judged_again):
    verdict = judged_again()
    assert verdict.promote
    assert verdict.costs is None
    verdict = judged_again(max_latency_ratio=1000.0)
    assert verdict.promote
    assert verdict.costs.size_ratio == pytest.approx(1.0, abs=0.01)
    assert verdict.costs.latency_ratio > 0
    verdict = judged_again(max_size_ratio=0.5)
    assert verdict.outcome == "rejected"
    assert verdict.reasons[1].startswith("size: 1.00 times the champion's")


def test_each_judgement_counts_and_an_overused_set_is_reported(judged_again):
    verdict = judged_again()
    assert [(each.anchor, each.judged) for each in verdict.reuse] == [("anchor/bank", 2)]
    assert not any("overused" in reason for reason in verdict.reasons)
    verdict = judged_again(reuse_budget=1)
    assert "anchor/bank is overused: it has judged 2 candidates" in verdict.reasons[-1]
    assert verdict.promote, "a warning neither refuses nor lets pass"


def test_a_mix_that_repeats_an_anchor_query_is_never_promoted(judged_again, lesson):
    measured = next(iter(lesson.anchors[0].queries.values()))
    pairs = (replace(lesson.mixture.pairs[0], query=measured), *lesson.mixture.pairs[1:])
    leaking = replace(lesson, mixture=replace(lesson.mixture, pairs=pairs))
    verdict = judged_again(leaking)
    assert verdict.outcome == "rejected"
    assert "1 training texts are also evaluation queries" in verdict.reasons[1]


def test_pairs_of_one_source_and_file_are_measured_by_cluster(opened, folders, lesson, window):
    tables = opened.settings.tables
    found = find_suspects(
        tables.suspects, tables.gate, opened.scores, opened.store, *folders, lesson, window
    )
    assert {each.group for each in found} == {"cluster"}
    assert sum(each.queries for each in found) > 20
    assert all(0 <= each.agreement <= 1 for each in found)
