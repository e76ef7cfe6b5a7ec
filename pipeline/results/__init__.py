"""What commands return and print: typed results, the one place that defines their JSON."""

from pipeline.results.anchor_power import AnchorPower
from pipeline.results.cycle import (
    TRAINED,
    AttemptResult,
    CycleResult,
    Leaked,
    LessonResult,
    Outcome,
    RegressionCounts,
    RegressionsResult,
    Serving,
    SourceCounts,
    TrainingResult,
)
from pipeline.results.decision import DecisionResult, Window
from pipeline.results.intake import IntakeCounts, IntakeResult
from pipeline.results.move import MoveResult
from pipeline.results.past import PastCycle, past_cycles
from pipeline.results.report import ReportResult
from pipeline.results.result import Result
from pipeline.results.verdict import (
    Comparison,
    Reuse,
    Rule,
    ServingCost,
    ServingCosts,
    Suspect,
    Verdict,
    threshold_of,
)

__all__ = [
    "TRAINED",
    "AnchorPower",
    "AttemptResult",
    "Comparison",
    "CycleResult",
    "DecisionResult",
    "IntakeCounts",
    "IntakeResult",
    "Leaked",
    "LessonResult",
    "MoveResult",
    "Outcome",
    "PastCycle",
    "RegressionCounts",
    "RegressionsResult",
    "ReportResult",
    "Result",
    "Reuse",
    "Rule",
    "Serving",
    "ServingCost",
    "ServingCosts",
    "SourceCounts",
    "Suspect",
    "TrainingResult",
    "Verdict",
    "Window",
    "past_cycles",
    "threshold_of",
]
