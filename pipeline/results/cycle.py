"""The result of a cycle: what `anchorhold run` prints, the store keeps and reports read."""

from typing import Literal, Self

from pydantic import computed_field

from drift_triggers.cause import Source
from pipeline.results.canary import CanaryResult, RolledBackVersion
from pipeline.results.computing import Computing
from pipeline.results.cosines import VersionCosines
from pipeline.results.decision import DecisionResult, Window
from pipeline.results.derived import DerivedResult
from pipeline.results.gc import Freed
from pipeline.results.index import CycleIndex
from pipeline.results.intake import IntakeResult
from pipeline.results.movement import SpaceMovement
from pipeline.results.plan import IndexPlan
from pipeline.results.result import Result
from pipeline.results.screened import ScreenedResult
from pipeline.results.verdict import Verdict
from training.evaluation import Change, DarkDocument, Regressions, WorstQuery
from training.retention import Blend

Outcome = Literal[
    "bootstrapped", "quiet", "blocked", "insufficient_data", "promoted", "rejected", "inconclusive"
]
TRAINED: tuple[Outcome, ...] = ("promoted", "rejected", "inconclusive")
"""Outcomes of cycles that trained."""
Waits = Literal["", "awaiting_approval", "awaiting_index", "awaiting_canary"]
"""Why a candidate that passed the gate does not serve yet; "" where none waits."""


class Serving(Result):
    """A version, by its number in MLflow."""

    version: int


class Leaked(Result):
    """Training pairs that were removed because they repeat an evaluation query."""

    exact: int = 0
    near: int = 0


class SourceCounts(Result):
    """Pairs of one source that are trained on."""

    source: str
    recent: int
    replayed: int


class HoldOutResult(Result):
    """Which of the waiting queries measure the new task.

    Attributes
    ----------
    reach
        Position up to which queries that had arrived are held out (of their hash or, by time, of
        their newest moment); -1: none is.
    seed
        Seed of the hash.
    by
        What is never on both sides (`holdout.by`).
    apart
        Remembered pairs that are not replayed, as they share a document or group with a held-out
        one.
    reason
        How many there are, and why, in a sentence; empty where the settings say how many.
    """

    reach: float
    seed: int
    reason: str = ""
    by: str = "query"
    apart: int = 0


class LessonResult(Result):
    """What a cycle learns from and is measured on, in counts.

    Attributes
    ----------
    recent, replayed
        Recent and replayed pairs in the mix.
    memory
        Pairs that could be replayed.
    held_out_queries
        Queries that measure the new task.
    hold_out
        Which they are; None in results of versions that did not record it.
    screened
        What the screens of labelled pairs found; None in results before there were any.
    leaked, leaked_examples
        Pairs removed because they repeat an evaluation query, and some of them as (training text,
        evaluation query).
    sources
        Counts by source, the largest first.
    data_sets
        (name, digest, context, rows) of each data set.
    derived
        What was made of documents and served logs; None where there are none.
    """

    recent: int
    replayed: int
    memory: int
    held_out_queries: int
    leaked: Leaked
    leaked_examples: tuple[tuple[str, str], ...] = ()
    sources: tuple[SourceCounts, ...] = ()
    data_sets: tuple[tuple[str, str, str, int], ...] = ()
    derived: DerivedResult | None = None
    hold_out: HoldOutResult | None = None
    screened: ScreenedResult | None = None


class AttemptResult(Result):
    """One training among those that were tried.

    Attributes
    ----------
    strategy
        Name of its strategy.
    fault
        Why it broke off; empty when it did not.
    selection
        Scores on the pairs set aside, (new, old); None where nothing was set aside.
    chance
        Chance to pass the gate that these foretell; None where nothing was set aside.
    pairs, seconds, run_id
        Pairs trained on, seconds taken, and its run in MLflow; None when it broke off.
    chosen
        Whether its model went to the gate.
    """

    strategy: str
    fault: str = ""
    selection: tuple[float, float] | None = None
    chance: float | None = None
    pairs: int | None = None
    seconds: float | None = None
    run_id: str | None = None
    chosen: bool = False


class TrainingResult(Result):
    """One training that ended.

    Attributes
    ----------
    strategy, run_id
        Name of its strategy and its run in MLflow.
    folder
        Its model, relative to the folder of the cycle.
    selection
        Scores on the pairs set aside, (new, old); None where nothing was set aside.
    chance
        Chance to pass the gate that these foretell; None where nothing was set aside.
    steps, pairs, held
        Optimiser steps, pairs trained on, and how many were held to the champion's embeddings.
    seconds, precision
        Time taken and number format.
    device
        What it was trained on: "cpu", "cuda" or "mps".
    log
        One row per logged step.
    negatives, merge
        What mining and merging did, in a sentence each.
    share, curve
        Share of the candidate in the merged weights, and the scores of every share tried.
    attempts
        All trainings that were tried, this one included.
    champion_selection
        The champion's scores on the pairs set aside.
    """

    strategy: str
    run_id: str
    folder: str
    selection: tuple[float, float] | None
    steps: int
    seconds: float
    precision: str
    pairs: int
    held: int
    log: tuple[dict[str, float], ...]
    negatives: str
    merge: str
    share: float
    curve: tuple[Blend, ...]
    fault: str = ""
    device: str = ""
    attempts: tuple[AttemptResult, ...] = ()
    champion_selection: tuple[float, float] | None = None
    chance: float | None = None

    @classmethod
    def untrained(
        cls, strategy: str, run_id: str, folder: str, told: str, *, seconds: float = 0.0
    ) -> Self:
        """Return what stands for a training where a candidate was made or given without one.

        Parameters
        ----------
        strategy, run_id, folder, seconds
            As for a training.
        told
            How the candidate came about, in a sentence.
        """
        return cls(
            strategy=strategy,
            run_id=run_id,
            folder=folder,
            selection=None,
            steps=0,
            seconds=seconds,
            precision="none",
            pairs=0,
            held=0,
            log=(),
            negatives="",
            merge=told,
            share=1.0,
            curve=(),
        )


class RegressionCounts(Result):
    """What the candidate answers worse than the champion, counted by task."""

    changes: tuple[Change, ...] = ()


class RegressionsResult(RegressionCounts):
    """What the candidate answers worse than the champion, with the texts of the worst cases."""

    worst_queries: tuple[WorstQuery, ...] = ()
    dark_documents: tuple[DarkDocument, ...] = ()

    @classmethod
    def of(cls, found: Regressions) -> Self:
        """Return what was found, as a result."""
        return cls(
            changes=found.changes,
            worst_queries=found.worst_queries,
            dark_documents=found.dark_documents,
        )


class CycleResult(Result):
    """One cycle, from intake to its outcome.

    Attributes
    ----------
    cycle
        Its identifier, such as "0003".
    outcome
        How it ended.
    decision
        Whether training was called for, and why.
    champion
        The version that serves after it.
    candidate
        The version it made; None where it made none.
    verdict
        What the gate said; None where nothing was trained.
    scores
        Means by task and metric; of the first version only.
    fresh
        Whether no recent text was part of an earlier check; None where nothing was checked.
    window
        The data that was checked.
    awaiting_approval
        Whether the candidate passed the gate and waits for a person.
    awaiting_index
        Whether the candidate passed the gate and waits until its index can be built.
    approved
        The version that a person had approved in MLflow and that was promoted before the cycle.
    awaiting_canary
        Whether the candidate passed the gate and is tried on a share of the traffic first.
    canary
        What the canary that ran before the cycle showed; None where none ran.
    rolled_back
        The version that was left before the cycle, because it did harm.
    lesson, training, regressions
        What was learned, how, and what got worse; None where nothing was trained.
    plan
        What the candidate means for an index of the documents; None where it did not pass the gate,
        or there are no documents.
    index
        What was done for the index of the documents; None where `index.mode` is "off".
    cosines
        Similarities on the anchor sets of the champion before and of the version that was made.
    movement
        How far the version that was made moved the texts of the anchor sets of the champion before;
        None where no version was made from another one.
    intake
        What arrived.
    seconds
        Time by group of stages, and in total.
    peak_memory_megabytes
        Most memory that the process held; None where the system cannot tell.
    disk_bytes
        Size of the state folder after it; None where it was not recorded.
    computing
        What models computed on; None where that was not recorded.
    run_id
        Its run in MLflow.
    dry_run
        Whether it only says what would happen: nothing was stored, and there is no such cycle.
    freed
        What `[keep]` deleted after the cycle; None where that was nothing, and in stored results.
    """

    cycle: str
    outcome: Outcome
    decision: DecisionResult
    champion: Serving
    candidate: Serving | None = None
    verdict: Verdict | None = None
    scores: dict[str, float] | None = None
    fresh: bool | None = None
    window: Window | None = None
    awaiting_approval: bool = False
    awaiting_index: bool = False
    approved: Serving | None = None
    awaiting_canary: bool = False
    canary: CanaryResult | None = None
    rolled_back: RolledBackVersion | None = None
    lesson: LessonResult | None = None
    training: TrainingResult | None = None
    regressions: RegressionCounts | None = None
    plan: IndexPlan | None = None
    cosines: tuple[VersionCosines, ...] = ()
    movement: SpaceMovement | None = None
    index: CycleIndex | None = None
    intake: IntakeResult
    seconds: dict[str, float]
    peak_memory_megabytes: float | None = None
    disk_bytes: int | None = None
    computing: Computing | None = None
    run_id: str
    dry_run: bool = False
    freed: Freed | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def source(self) -> Source:
        """Where the drift comes from; a version that was rolled back is a fine-tuning that harmed.

        "none" where nothing was checked, or nothing drifted.
        """
        return "fine-tuning" if self.rolled_back else self.decision.source

    @property
    def waits(self) -> Waits:
        """Why the candidate passed the gate and does not serve yet; "" where it does not wait."""
        if self.awaiting_approval:
            return "awaiting_approval"
        if self.awaiting_index:
            return "awaiting_index"
        return "awaiting_canary" if self.awaiting_canary else ""

    @property
    def made(self) -> Serving | None:
        """The version that the cycle registered: the first one or a candidate; None for none."""
        return self.candidate or (self.champion if self.outcome == "bootstrapped" else None)
