"""Made comparisons, verdicts and finished cycles."""

from datetime import UTC, datetime

from pipeline.results import (
    Comparison,
    CycleResult,
    DecisionResult,
    IntakeResult,
    PastCycle,
    Serving,
    Verdict,
)


def comparison(task="anchor/past", **values):
    given = {
        "metric": "ndcg_at_10",
        "champion": 0.5,
        "candidate": 0.5,
        "difference": 0.0,
        "low": -0.05,
        "high": 0.05,
        "queries": 100,
        "holds": False,
        "needs": 400,
        "rule": "gain" if task == "new" else "no worse",
        "margin": 0.0 if task == "new" else 0.02,
        "spread": 0.16,
        "visible": 0.05,
        "reason": "r",
    }
    return Comparison(task=task, **(given | values))


def verdict(*comparisons, outcome="inconclusive"):
    return Verdict(promote=False, outcome=outcome, reasons=("r",), comparisons=comparisons)


def cycles(*verdicts):
    """Finished cycles, newest first."""
    return [
        PastCycle(
            f"{number:04d}",
            datetime(2026, 3, number, tzinfo=UTC),
            CycleResult(
                cycle=f"{number:04d}",
                outcome=each.outcome,
                decision=DecisionResult(train=True, reasons=("r",)),
                champion=Serving(version=1),
                verdict=each,
                intake=IntakeResult(),
                seconds={},
                run_id="run",
            ),
        )
        for number, each in zip(range(len(verdicts), 0, -1), verdicts, strict=True)
    ]
