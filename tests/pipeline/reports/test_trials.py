"""What people read of canaries and of versions that were left by themselves."""

from datetime import UTC, datetime

from pipeline.reports.terminal import parts_of
from pipeline.reports.trials import canary_lines
from pipeline.results import (
    CanaryMetric,
    CanaryResult,
    CycleResult,
    DecisionResult,
    IntakeCounts,
    IntakeResult,
    RolledBackVersion,
    Serving,
)

HARM = CanaryMetric(
    name="empty", champion=0.01, candidate=0.4, difference=0.39, low=0.2, high=0.5, keys=90,
    harm=True, reason="empty: 40 % with the candidate",
)  # fmt: skip
CANARY = CanaryResult(
    candidate=3, champion=2, state="stopped", share=0.1, began=datetime(2026, 3, 1, tzinfo=UTC),
    hours=1.5, metrics=(HARM,), overlap=0.25, reason=HARM.reason,
)  # fmt: skip


def test_a_canary_says_what_became_of_it_and_names_each_metric_once():
    lines = list(canary_lines(CANARY))
    assert lines[0].startswith("canary of version 3 against version 2, 10% of the users, ")
    assert "1.5 hours: stopped; empty: 40 % with the candidate" in lines[0]
    assert sum(HARM.reason in line for line in lines) == 1
    assert lines[-1].strip().startswith("25% of the champion's best results")


def test_a_run_tells_first_what_it_did_before_its_cycle():
    none = IntakeCounts()
    result = CycleResult(
        cycle="0004",
        outcome="quiet",
        decision=DecisionResult(train=False, reasons=("nothing new",)),
        champion=Serving(version=1),
        canary=CANARY,
        rolled_back=RolledBackVersion(version=2, reason="by itself: success fell"),
        intake=IntakeResult(history=none, reference=none, pairs=none, traffic=none, corpus=none),
        seconds={"total": 1.0},
        run_id="r",
    )
    told = [str(part) for part in parts_of(result)]
    places = [
        next(place for place, line in enumerate(told) if words in line)
        for words in ("canary of version 3", "version 2 was rolled back: by itself", "nothing new")
    ]
    assert places == sorted(places)
