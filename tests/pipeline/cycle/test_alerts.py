"""Alerts: each state is told once, and again only after it was over."""

from datetime import UTC, datetime

import pytest

from drift_triggers import Signal, explain
from pipeline.cycle.alerts import alerts_of, finish_and_tell
from pipeline.gate import Gate
from pipeline.results import (
    CanaryResult,
    CycleResult,
    DecisionResult,
    FieldMeasure,
    IntakeCounts,
    IntakeResult,
    Measures,
    PastCycle,
    PreprocessingMeasure,
    Serving,
    Verdict,
)
from pipeline.results.verdict import Reuse
from pipeline.store import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def cycle(outcome, number=1, *, champion=2, candidate=None, awaiting=False, reuse=(), blocked=()):
    none = IntakeCounts()
    verdict = None
    if outcome in ("promoted", "rejected", "inconclusive"):
        verdict = Verdict(
            promote=outcome == "promoted", outcome=outcome, reasons=("why",), reuse=tuple(reuse)
        )
    return CycleResult(
        cycle=f"{number:04d}",
        outcome=outcome,
        decision=DecisionResult(train=False, reasons=("because",), blocked_by=blocked),
        champion=Serving(version=champion),
        candidate=Serving(version=candidate) if candidate else None,
        verdict=verdict,
        awaiting_approval=awaiting,
        intake=IntakeResult(history=none, reference=none, pairs=none, traffic=none, corpus=none),
        seconds={},
        run_id="run",
    )


@pytest.fixture
def told_by():
    """Return what tells the alerts of cycles, one after another."""
    with Store.open("sqlite://") as store:
        earlier, gate = [], Gate(reuse_budget=2)

        def tell(result):
            store.settle_alerts(alerts_of(result, earlier, gate), NOW)
            earlier.insert(0, PastCycle(result.cycle, NOW, result))
            new = store.unaddressed()
            for each in new:
                store.address(each, {})
            return [(each.kind, each.subject) for each in new]

        yield tell


def test_a_guard_that_blocks_is_told_once_until_it_blocks_no_more(told_by):
    blocked = cycle("blocked", blocked=("data_quality",))
    assert told_by(blocked) == [("blocked", "data_quality")]
    assert told_by(blocked) == []
    assert told_by(cycle("blocked", blocked=("feedback_loop",))) == [("blocked", "feedback_loop")]
    assert told_by(cycle("quiet")) == []
    assert told_by(blocked) == [("blocked", "data_quality")]


def test_drift_with_nothing_to_learn_from_is_told_once(told_by):
    assert told_by(cycle("insufficient_data")) == [("insufficient_data", "2")]
    assert told_by(cycle("insufficient_data")) == []
    assert told_by(cycle("insufficient_data", champion=3)) == [("insufficient_data", "3")]


def test_a_rejection_is_not_over_because_a_cycle_was_quiet(told_by):
    assert told_by(cycle("rejected", candidate=3)) == [("rejected", "2: ")]
    assert told_by(cycle("quiet")) == []
    assert told_by(cycle("rejected", candidate=4)) == []
    assert told_by(cycle("promoted", champion=5, candidate=5)) == []
    assert told_by(cycle("rejected", champion=5, candidate=6)) == [("rejected", "5: ")]


def test_only_the_second_inconclusive_candidate_in_a_row_is_told(told_by):
    assert told_by(cycle("inconclusive", candidate=3)) == []
    assert told_by(cycle("quiet")) == []
    assert told_by(cycle("inconclusive", candidate=4)) == [("inconclusive", "2")]
    assert told_by(cycle("inconclusive", candidate=5)) == []


def test_the_candidate_before_is_found_behind_any_number_of_quiet_cycles():
    with Store.open("sqlite://") as store:
        for place in range(14):
            row = store.begin_cycle(NOW)
            last = place in (0, 13)
            result = cycle("inconclusive" if last else "quiet", place + 1, candidate=3)
            finish_and_tell(store, Gate(), result.changed(cycle=row.id), NOW)
        assert [(each.kind, each.subject) for each in store.unaddressed()] == [
            ("inconclusive", "2")
        ]


def test_each_version_that_waits_for_a_person_is_told(told_by):
    waits = cycle("inconclusive", candidate=3, awaiting=True)
    assert told_by(waits) == [("awaiting_approval", "3")]
    assert told_by(cycle("quiet")) == []
    assert told_by(cycle("inconclusive", candidate=4, awaiting=True)) == [
        ("awaiting_approval", "4")
    ]


def test_an_anchor_set_is_told_when_it_is_overused(told_by):
    def judged(times):
        reuse = [Reuse(anchor="anchor/bank", identity="digest", judged=times)]
        return cycle("promoted", candidate=3, reuse=reuse)

    assert told_by(judged(2)) == []
    assert told_by(judged(3)) == [("overused_anchors", "anchor/bank")]
    assert told_by(judged(4)) == []


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        ("running", set()),
        ("promoted", {"awaiting_canary"}),
        ("passed", {"awaiting_canary", "awaiting_approval"}),
        ("stopped", {"awaiting_canary", "rejected"}),
    ],
)
def test_the_end_of_a_canary_is_told_also_by_a_quiet_cycle(state, kinds):
    canary = CanaryResult(candidate=3, champion=2, state=state, share=0.1, began=NOW, reason="why")
    found = alerts_of(cycle("quiet").changed(canary=canary), [], Gate())
    assert set(found) - {"blocked", "insufficient_data"} == kinds
    assert not found.get("awaiting_canary")
    assert all(found[kind] for kind in kinds - {"awaiting_canary"})


def checked(number=1, *, fired=(), measures=None, outcome="quiet"):
    """A cycle whose check found something."""
    signals = tuple(Signal(name, True, "seen", p_value=1e-3, cause="concept") for name in fired)
    quiet = Signal("model_age", False, "young")
    found = cycle(outcome, number)
    decision = found.decision.changed(
        signals=(*signals, quiet), cause=explain(signals), measures=measures
    )
    return found.changed(decision=decision)


def test_drift_that_starts_no_training_is_told_until_other_triggers_fire(told_by):
    assert told_by(checked(fired=["out_of_distribution"])) == [("drift", "out_of_distribution")]
    assert told_by(checked(2, fired=["out_of_distribution"])) == []
    both = checked(3, fired=["quality_drop", "out_of_distribution"])
    assert told_by(both) == [("drift", "out_of_distribution, quality_drop")]
    # A cycle that had nothing to check says nothing about it.
    assert told_by(cycle("quiet", 4)) == []
    assert told_by(both) == []
    assert told_by(checked(5)) == []
    assert told_by(both) == [("drift", "out_of_distribution, quality_drop")]


def test_the_source_of_drift_is_part_of_an_alert():
    (body,) = alerts_of(checked(fired=["out_of_distribution"]), [], Gate())["drift"].values()
    assert body["source"] == "input"
    assert body["summary"].endswith("out_of_distribution (cause concept, source input)")


def test_texts_made_otherwise_and_fields_that_are_gone_are_told(told_by):
    measures = Measures(
        preprocessing=(PreprocessingMeasure(records="texts", changed_share=0.8, read_by=()),),
        fields=(
            FieldMeasure(
                records="log",
                field="clicked",
                counts=(400, 200),
                missing=(0.4, 1.0),
                p_value=1e-9,
                change="gone",
            ),
        ),
    )
    subject = "preprocessing of texts, log.clicked"
    assert told_by(checked(measures=measures)) == [("changed_data", subject)]
    assert told_by(checked(2, measures=measures)) == []
    assert told_by(checked(3, measures=Measures())) == []
