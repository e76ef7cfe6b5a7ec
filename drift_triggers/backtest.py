"""Replay a history through the triggers and the policy: false alarms, misses, delay."""

from collections.abc import Sequence
from dataclasses import dataclass

from drift_triggers.policy import Decision, Look, Policy
from drift_triggers.signal import Observation, Signal, Trigger


@dataclass(frozen=True)
class Window:
    """One past look, with the truth where somebody knows it."""

    name: str
    """How to call it in the report."""
    hours: float
    """When it was looked at, in hours since the epoch."""
    observation: Observation
    """What the triggers would have seen."""
    drifted: bool | None = None
    """Whether training was called for; None when unknown (then it counts nowhere)."""
    fresh: bool = True
    """Whether its texts were not in the window before."""


@dataclass(frozen=True)
class Score:
    """How one trigger, or the policy, did over the replay."""

    name: str
    """Trigger name, or "policy"."""
    quiet: int
    """Windows in which nothing drifted."""
    false_alarms: int
    """Those of them in which it fired."""
    drifted: int
    """Windows that drifted."""
    misses: int
    """Those of them in which it stayed silent."""
    delays: tuple[float | None, ...]
    """For each stretch of drifted windows, hours from its first to the first alarm; None: none."""


@dataclass(frozen=True)
class Replay:
    """All decisions of a replay, and how good they were."""

    names: tuple[str, ...]
    """Names of the windows, in order."""
    decisions: tuple[Decision, ...]
    """What the policy decided in each."""
    scores: tuple[Score, ...]
    """One for each trigger, then one for any trigger at all, then one for the policy."""


def replay(windows: Sequence[Window], triggers: Sequence[Trigger], policy: Policy) -> Replay:
    """Look at each window in turn, as if it were now.

    Nothing is trained: after a launch the same reference goes on, so a drift that stays is
    seen again, and the policy's cool-down is at work. Raises ``ValueError`` without windows or
    when they are not in order of time.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.model_age import ModelAge
    >>> from drift_triggers.signal import Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> old, young = (Observation(none, none, champion_age_days=days) for days in (200.0, 1.0))
    >>> windows = [Window("a", 0.0, young, False), Window("b", 24.0, old, True)]
    >>> replay(windows, [ModelAge()], Policy()).scores[-1].misses
    0
    """
    if not windows:
        raise ValueError("a replay needs at least one window, got none")
    hours = [window.hours for window in windows]
    if hours != sorted(hours):
        raise ValueError("windows must be in order of time")
    past: list[Look] = []
    decisions = []
    for window in windows:
        signals: tuple[Signal, ...] = tuple(
            trigger.check(window.observation) for trigger in triggers
        )
        decision = policy.decide(signals, past, window.hours, fresh=window.fresh)
        past.append(Look(window.hours, signals, decision.train, window.fresh))
        decisions.append(decision)
    alarms = {
        trigger.name: [look.signals[place].fired for look in past]
        for place, trigger in enumerate(triggers)
    }
    alarms["any trigger"] = [any(signal.fired for signal in look.signals) for look in past]
    alarms["policy"] = [decision.train for decision in decisions]
    scores = tuple(_score(name, windows, fired) for name, fired in alarms.items())
    return Replay(tuple(window.name for window in windows), tuple(decisions), scores)


def _score(name: str, windows: Sequence[Window], fired: Sequence[bool]) -> Score:
    quiet = [alarm for window, alarm in zip(windows, fired, strict=True) if window.drifted is False]
    moved = [alarm for window, alarm in zip(windows, fired, strict=True) if window.drifted]
    return Score(
        name,
        len(quiet),
        sum(quiet),
        len(moved),
        len(moved) - sum(moved),
        _delays(windows, fired),
    )


def _delays(windows: Sequence[Window], fired: Sequence[bool]) -> tuple[float | None, ...]:
    delays: list[float | None] = []
    start: float | None = None
    for window, alarm in zip(windows, fired, strict=True):
        if not window.drifted:
            start = None
            continue
        if start is None:
            start = window.hours
            delays.append(None)
        if alarm and delays[-1] is None:
            delays[-1] = window.hours - start
    return tuple(delays)
