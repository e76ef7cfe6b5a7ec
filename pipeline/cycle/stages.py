"""What the stages of a cycle record in its journal, where it is not part of the result."""

from pipeline.results import (
    CanaryResult,
    DecisionResult,
    IndexBuilt,
    Outcome,
    Result,
    RolledBackVersion,
    Serving,
    Suspect,
    TrainingResult,
    Waits,
)

STAGES = {
    "intake": ("intake",),
    "check": ("window", "decision", "texts"),
    "train": ("derive", "prepare", "train/*", "champion"),
    "evaluate": ("bootstrap", "evaluate", "verdict", "suspects", "regressions", "cosines"),
    "index": ("plan", "index/*"),
    "promote": ("promote",),
}
"""How the times of the stages are grouped in the result."""


STAGED = "candidate"
"""Folder, in the state folder, of a given candidate that is being checked: no cycle has it yet."""


class WorkLost(Exception):
    """Files of a stage that is done are gone, so that the cycle cannot be resumed."""


class Settled(Result):
    """What became of versions before the cycle began; None where nothing did."""

    approved: Serving | None = None
    indexed: Serving | None = None
    canary: CanaryResult | None = None
    rolled_back: RolledBackVersion | None = None


class Spent(Result):
    """What the cycle took; recorded once, so that a cycle that is closed again says the same."""

    peak_memory_megabytes: float | None
    disk_bytes: int


class Checked(Result):
    """The decision on a window, and whether no text of it was part of an earlier check."""

    decision: DecisionResult
    fresh: bool


class Bootstrapped(Result):
    """The first version, its means by task and metric, and what to know of the base."""

    version: int
    scores: dict[str, float]
    notes: tuple[str, ...] = ()


class Strategies(Result):
    """Names of the strategies that the cycle began with, whoever resumes it."""

    names: tuple[str, ...]


class Attempt(Result):
    """A training with one strategy: what it gave, or why it broke off."""

    strategy: str
    fault: str = ""
    training: TrainingResult | None = None


class ChampionSelection(Result):
    """The champion's scores on the pairs set aside, (new, old)."""

    selection: tuple[float, float]


class SuspectsFound(Result):
    """Which parts of the new pairs may have done harm, and what to do about it."""

    suspects: tuple[Suspect, ...]
    reasons: tuple[str, ...]


class Indexed(Result):
    """The index that a stage built or brought up to date, or why it could not."""

    built: IndexBuilt | None = None
    fault: str = ""


class Promoted(Result):
    """How the cycle ended, which version serves then, and what else there is to say."""

    outcome: Outcome
    champion: int
    reasons: tuple[str, ...] = ()
    waits: Waits = ""
