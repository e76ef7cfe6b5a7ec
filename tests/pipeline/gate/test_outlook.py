"""The outlook: how often an equally good candidate passes, what limits it, and what helps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made_verdicts import comparison, cycles, verdict

from pipeline.gate import Earlier, Gate, SetSize, outlook_of
from pipeline.gate.pass_chance import estimate, joint
from pipeline.results import Serving

NOW = datetime(2026, 3, 9, tzinfo=UTC)
LARGE = SetSize("anchor/large", 3000)
SMALL, FAQ = SetSize("anchor/past", 100), SetSize("anchor/faq", 75)


def found(*sets, past=(), gate=None, champion=1, **more):
    return outlook_of(
        sets, gate or Gate(), {}, Earlier(past, champion), **({"held_out": 400} | more)
    )


def part(outlook, task, rule="no worse"):
    return next(each for each in outlook.tasks if (each.task, each.rule) == (task, rule))


def every(*verdicts, days):
    """Judged cycles so many days apart, newest first."""
    made = cycles(*verdicts)
    return [replace(each, started=NOW - timedelta(days=days * n)) for n, each in enumerate(made)]


def test_large_sets_let_equal_candidates_pass_and_nothing_limits():
    made = found(LARGE)
    assert made.anchors_chance > 0.99
    assert (made.limiting, made.remedies, made.warnings) == ("", (), ())


def test_the_smallest_set_limits_and_sets_err_independently():
    made = found(LARGE, SMALL, FAQ)
    chances = [part(made, each.name).chance for each in (LARGE, SMALL, FAQ)]
    assert made.limiting == "anchor/faq"
    assert made.anchors_chance == pytest.approx(chances[0] * chances[1] * chances[2])
    assert made.chance == pytest.approx(made.anchors_chance * part(made, "new", "gain").chance)
    assert made.tasks[0].task == "anchor/faq"


def test_comparisons_on_the_same_queries_count_once_and_slices_of_a_column_are_multiplied():
    def chance(task, value, rule="no worse"):
        made = estimate(
            Gate(), task, rule, queries=50, margin=0.02, expected=0, spread=0.1, basis="assumed"
        )
        return made.changed(chance=value)

    alike = [
        chance("anchor/a", 0.8),
        chance("anchor/a", 0.6, "floor"),
        chance("anchor/a/dim-64", 0.7),
    ]
    assert joint(alike) == 0.6
    sliced = [chance("anchor/a", 0.9), chance("anchor/a/l=x", 0.5), chance("anchor/a/l=y", 0.5)]
    assert joint(sliced) == 0.25
    assert joint([*alike, chance("anchor/b", 0.5)]) == 0.3


def test_only_slices_that_must_pass_count():
    sliced = SetSize("anchor/past", 1000, {"lang=fr": 74, "lang=en": 75})
    tasks = {each.task for each in found(sliced).tasks}
    assert "anchor/past/lang=en" in tasks
    assert "anchor/past/lang=fr" not in tasks


def test_the_spread_and_the_gain_of_the_last_judged_candidate_replace_what_is_assumed():
    past = cycles(verdict(comparison(spread=0.05), comparison("new", difference=0.1, queries=53)))
    made = found(SMALL, past=past)
    assert (part(made, "anchor/past").spread, part(made, "anchor/past").basis) == (
        0.05,
        "cycle 0001",
    )
    new = part(made, "new", "gain")
    assert (new.queries, new.expected, new.basis) == (53, 0.1, "cycle 0001")
    assert part(found(SMALL), "anchor/past").basis == "assumed"


def test_what_the_champion_lost_against_the_origin_lowers_the_chance_of_the_next():
    lost = verdict(
        comparison(champion=0.50), comparison(rule="floor", champion=0.515, difference=-0.015)
    )
    slid = found(SetSize("anchor/past", 1000), past=cycles(lost))
    assert part(slid, "anchor/past", "floor").expected == pytest.approx(-0.015)
    assert slid.limiting == "anchor/past"
    assert slid.anchors_chance == part(slid, "anchor/past", "floor").chance < 0.5


def test_a_champion_that_was_promoted_by_the_last_verdict_is_as_far_from_the_origin_as_it_was():
    made = comparison(rule="floor", champion=0.4, difference=0.1, holds=True)
    (last,) = cycles(verdict(comparison(champion=0.45), made, outcome="promoted"))
    result = last.result.changed(candidate=Serving(version=2), champion=Serving(version=2))
    promoted = [replace(last, result=result)]
    assert part(found(SMALL, past=promoted, champion=2), "anchor/past", "floor").expected == 0.1
    rolled_back = found(SMALL, past=promoted, champion=1)
    assert not [each for each in rolled_back.tasks if each.rule == "floor"]


def test_remedies_are_ordered_by_answers_and_raise_the_chance_and_margins_come_last():
    made = found(SMALL, FAQ, LARGE, log=True)
    assert [each.kind for each in made.remedies] == ["merge", "judge", "label", "margin"]
    answers = [each.answers for each in made.remedies[:-1]]
    assert answers == sorted(answers)
    assert all(each.chance > made.chance + 0.1 for each in made.remedies if each.kind != "judge")
    label = made.remedies[2]
    assert "anchor/past" in label.reason
    assert "anchor/faq" in label.reason
    assert "anchor/large" not in label.reason


def test_what_a_remedy_promises_is_what_the_outlook_says_after_it():
    made = found(SMALL, LARGE)
    label = next(each for each in made.remedies if each.kind == "label")
    after = found(SetSize(SMALL.name, SMALL.queries + label.answers), LARGE)
    assert label.task == SMALL.name
    assert after.chance == pytest.approx(label.chance)
    assert after.limiting == ""
    margin = next(each for each in made.remedies if each.kind == "margin")
    wide = part(made, SMALL.name).proposed_margin
    assert f"max_drop = {wide:g} for anchor/past" in margin.reason
    widened = outlook_of(
        [SMALL, LARGE], Gate(), {SMALL.name: wide}, Earlier(champion=1), held_out=400
    )
    assert widened.chance == pytest.approx(margin.chance)


def test_labels_for_several_sets_let_four_of_five_pass_all_of_them():
    made = found(SMALL, FAQ, SetSize("anchor/docs", 400))
    label = next(each for each in made.remedies if each.kind == "label")
    assert 0.78 <= label.chance < 0.9


def test_a_remedy_that_alone_changes_nothing_is_not_told():
    made = found(SetSize("anchor/tiny", 20), FAQ)
    assert [each.kind for each in made.remedies] == ["merge", "label"]


def test_where_it_takes_several_remedies_at_once_all_of_them_are_told():
    made = found(SetSize("anchor/tiny", 20), SetSize("anchor/learned-0002", 20))
    assert made.chance == 0.0
    assert [each.kind for each in made.remedies] == ["label", "setting"]


def test_a_learned_set_that_limits_has_the_setting_that_waits_and_no_label_or_margin():
    made = found(LARGE, SetSize("anchor/learned-0002", 80))
    (remedy,) = made.remedies
    assert (remedy.kind, remedy.task) == ("setting", "anchor/learned-0002")
    assert "learned_anchors.minimum_queries = " in remedy.reason


def test_a_small_hold_out_limits_the_new_task():
    made = found(LARGE, past=cycles(verdict(comparison("new", difference=0.03, queries=53))))
    assert made.limiting == "new"
    assert made.remedies[0].kind == "setting"
    assert "holdout.share" in made.remedies[0].reason


def test_a_year_of_inconclusive_cycles_is_warned_of_at_the_rhythm_of_the_workspace():
    (assumed,) = found(FAQ).warnings
    assert "of the next 12 candidates" in assumed
    assert found(FAQ).monthly
    weekly = every(*[verdict(comparison("anchor/faq"), outcome="rejected")] * 6, days=7)
    made = found(FAQ, past=weekly)
    assert not made.monthly
    assert made.per_year == pytest.approx(52.1)
    assert "of the next 52 candidates" in made.warnings[0]
    in_one_day = every(*[verdict(comparison("anchor/faq"), outcome="rejected")] * 6, days=0.1)
    assert found(FAQ, past=in_one_day).monthly


def test_several_inconclusive_cycles_in_a_row_are_warned_of():
    small = verdict(comparison(spread=0.02))
    once, twice = (found(LARGE, past=cycles(*[small] * number)) for number in (1, 2))
    assert (once.in_a_row, twice.in_a_row) == (1, 2)
    assert once.warnings == ()
    assert "the last 2 candidates stayed inconclusive because of anchor/past" in twice.warnings[0]


def test_without_an_anchor_set_there_is_no_outlook():
    assert found() is None
