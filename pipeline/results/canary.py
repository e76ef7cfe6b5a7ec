"""What a canary showed so far and what became of it, and a version that was rolled back."""

from typing import Literal

from pipeline.results.moment import Moment
from pipeline.results.result import Result

CanaryState = Literal["running", "promoted", "passed", "stopped", "kept", "ended"]
"""It goes on; the candidate serves; it may serve once a person approves; it did harm; too little
was learned; or somebody moved the champion."""


class CanaryMetric(Result):
    """One metric of the users of both versions.

    Attributes
    ----------
    name
        "success", "empty" or "slow".
    champion, candidate
        Means over the keys (users, sessions or queries), in [0, 1].
    difference
        Candidate minus champion.
    low, high
        Bounds of the difference that hold at every check, each one-sided.
    keys
        Keys of both versions.
    harm
        Whether the candidate is shown to be worse by more than is tolerated.
    reason
        The comparison in one sentence.
    """

    name: Literal["success", "empty", "slow"]
    champion: float
    candidate: float
    difference: float
    low: float
    high: float
    keys: int
    harm: bool
    reason: str


class CanaryResult(Result):
    """The trial of a candidate on a share of the traffic.

    Attributes
    ----------
    candidate, champion
        The versions.
    state
        What became of it.
    share
        Share of the users, sessions or queries that the candidate answers.
    shadow
        Whether its answers are only compared, never shown.
    began, hours
        When it began, and how long it has lasted.
    candidate_keys
        Users, sessions or queries that the candidate answered, and whose outcome is known.
    metrics
        What was compared so far; empty before there is anything.
    overlap
        Share of the ten best results that are the champion's too; in shadow mode only.
    reason
        What follows, in one sentence.
    """

    candidate: int
    champion: int
    state: CanaryState
    share: float
    shadow: bool = False
    began: Moment
    hours: float = 0.0
    candidate_keys: int = 0
    metrics: tuple[CanaryMetric, ...] = ()
    overlap: float | None = None
    reason: str = ""


class RolledBackVersion(Result):
    """A version that was rolled back, and why."""

    version: int
    reason: str
