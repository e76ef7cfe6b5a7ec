"""The judgement of a candidate: what it costs, how often its judges were asked, what hurts."""

from dataclasses import replace

import pytest

from pipeline.cycle.judge import find_suspects, judge
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.window import Window


@pytest.fixture
def judged_again(opened):
    """Return what judges version 2 against version 1 again, with some settings of the gate."""
    window = Window(**opened.store.cycles(limit=1)[0].result["window"])
    champion, candidate = (opened.registry.version(number) for number in (1, 2))
    lesson = prepare_lesson(opened, opened.versions.folder(champion), window)

    def again(**gate):
        tables = opened.settings.tables
        tables = replace(tables, gate=replace(tables.gate, **gate))
        changed = replace(opened, settings=replace(opened.settings, tables=tables))
        verdict = judge(changed, champion, candidate, lesson)
        found = find_suspects(changed, "0002", champion, candidate, lesson, window)
        return verdict, found

    return again


def test_costs_are_measured_only_where_a_condition_asks_for_them(judged_again):
    verdict, _ = judged_again()
    assert verdict["promote"]
    assert verdict["costs"] is None
    verdict, _ = judged_again(max_latency_ratio=1000.0)
    assert verdict["promote"]
    assert verdict["costs"]["size_ratio"] == pytest.approx(1.0, abs=0.01)
    assert verdict["costs"]["latency_ratio"] > 0
    verdict, _ = judged_again(max_size_ratio=0.5)
    assert verdict["outcome"] == "rejected"
    assert verdict["reasons"][1].startswith("size: the candidate's is 1.00 times the champion's")


def test_each_judgement_counts_and_a_worn_set_is_said_in_the_verdict(judged_again):
    verdict, _ = judged_again()
    assert [(each["anchor"], each["judged"]) for each in verdict["reuse"]] == [("anchor/bank", 2)]
    assert not any("worn out" in reason for reason in verdict["reasons"])
    verdict, _ = judged_again(reuse_budget=1)
    assert "anchor/bank is worn out: it has judged 2 candidates" in verdict["reasons"][-1]
    assert verdict["promote"], "a warning neither refuses nor lets pass"


def test_pairs_of_one_source_and_file_are_measured_by_cluster(judged_again):
    _, found = judged_again()
    assert {each["group"] for each in found["suspects"]} == {"cluster"}
    assert sum(each["queries"] for each in found["suspects"]) > 20
    assert all(0 <= each["agreement"] <= 1 for each in found["suspects"])
