"""What commands return and print: typed results, the one place that defines their JSON."""

from pipeline.results.acceptance import AcceptanceStatus, AcceptResult
from pipeline.results.anchor_power import AnchorPower
from pipeline.results.backtest import BacktestResult, PastWindow
from pipeline.results.canary import (
    CanaryMetric,
    CanaryResult,
    CanaryState,
    RolledBackVersion,
)
from pipeline.results.cosines import QUANTILES, SetCosines, VersionCosines
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
from pipeline.results.decision import DecisionResult, HeadroomResult, Window
from pipeline.results.demo import DemoPart, DemoResult, StoryStep
from pipeline.results.derived import DerivedKind, DerivedResult
from pipeline.results.discard import ChampionMemory, DiscardResult, ExcludedCounts
from pipeline.results.evaluation import EvaluatedTask, EvaluateResult
from pipeline.results.generation import GenerateResult
from pipeline.results.index import (
    CycleIndex,
    Found,
    IndexBuilt,
    IndexDropResult,
    IndexExportResult,
    IndexStatus,
    IndexStatusResult,
    SearchResult,
)
from pipeline.results.intake import IntakeCounts, IntakeResult, LogCounts
from pipeline.results.judging import Finding, JudgeResult
from pipeline.results.messages import (
    ALERT_KINDS,
    AlertKind,
    DeliveriesResult,
    DeliveryResult,
    MessagesStatus,
    WatchEvent,
)
from pipeline.results.moment import Moment
from pipeline.results.move import MoveResult
from pipeline.results.past import PastCycle, past_cycles
from pipeline.results.places import ExportResult, FoundData, InitResult
from pipeline.results.plan import (
    BridgeKind,
    BridgePlan,
    Estimate,
    IndexPlan,
    Movement,
    PairQuality,
    PlanVerdict,
    ReEmbeddingCost,
    TaskLoss,
)
from pipeline.results.report import ReportResult
from pipeline.results.result import Result
from pipeline.results.serve import ServeResult
from pipeline.results.status import (
    ChampionStatus,
    CycleStatus,
    DocumentCounts,
    GateStatus,
    HistoryStatus,
    PassedVersion,
    PromotionStatus,
    RecordCounts,
    StatusResult,
    StoredRecords,
    WaitingCounts,
)
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
from pipeline.results.versions_compared import (
    ComparedSet,
    ComparedTask,
    CompareResult,
    Difference,
    NamedVersion,
    VersionRegressions,
)

__all__ = [
    "ALERT_KINDS",
    "QUANTILES",
    "TRAINED",
    "AcceptResult",
    "AcceptanceStatus",
    "AlertKind",
    "AnchorPower",
    "AttemptResult",
    "BacktestResult",
    "BridgeKind",
    "BridgePlan",
    "CanaryMetric",
    "CanaryResult",
    "CanaryState",
    "ChampionMemory",
    "ChampionStatus",
    "CompareResult",
    "ComparedSet",
    "ComparedTask",
    "Comparison",
    "CycleIndex",
    "CycleResult",
    "CycleStatus",
    "DecisionResult",
    "DeliveriesResult",
    "DeliveryResult",
    "DemoPart",
    "DemoResult",
    "DerivedKind",
    "DerivedResult",
    "Difference",
    "DiscardResult",
    "DocumentCounts",
    "Estimate",
    "EvaluateResult",
    "EvaluatedTask",
    "ExcludedCounts",
    "ExportResult",
    "Finding",
    "Found",
    "FoundData",
    "GateStatus",
    "GenerateResult",
    "HeadroomResult",
    "HistoryStatus",
    "IndexBuilt",
    "IndexDropResult",
    "IndexExportResult",
    "IndexPlan",
    "IndexStatus",
    "IndexStatusResult",
    "InitResult",
    "IntakeCounts",
    "IntakeResult",
    "JudgeResult",
    "Leaked",
    "LessonResult",
    "LogCounts",
    "MessagesStatus",
    "Moment",
    "MoveResult",
    "Movement",
    "NamedVersion",
    "Outcome",
    "PairQuality",
    "PassedVersion",
    "PastCycle",
    "PastWindow",
    "PlanVerdict",
    "PromotionStatus",
    "ReEmbeddingCost",
    "RecordCounts",
    "RegressionCounts",
    "RegressionsResult",
    "ReportResult",
    "Result",
    "Reuse",
    "RolledBackVersion",
    "Rule",
    "SearchResult",
    "ServeResult",
    "Serving",
    "ServingCost",
    "ServingCosts",
    "SetCosines",
    "SourceCounts",
    "StatusResult",
    "StoredRecords",
    "StoryStep",
    "Suspect",
    "TaskLoss",
    "TrainingResult",
    "Verdict",
    "VersionCosines",
    "VersionRegressions",
    "WaitingCounts",
    "WatchEvent",
    "Window",
    "past_cycles",
    "threshold_of",
]
