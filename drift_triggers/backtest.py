"""Replay past windows through the triggers and the policy: false alarms, misses, delay, lead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from drift_triggers.policy import Decision, PastCheck, Policy
from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Observation, Quality, Signal, Trigger


@dataclass(frozen=True)
class Window:
    """One past window, with the truth where it is known."""

    name: str
    """Name in the report."""
    hours: float
    """Time of its check in hours since the epoch."""
    observation: Observation
    """What the triggers would have read."""
    drifted: bool | None = None
    """Whether training was called for; None when unknown: then the window is not scored."""
    fresh: bool = True
    """Whether its texts were not in the window before."""
    quality: Mapping[str, Quality] = field(default_factory=dict)
    """Scores of what was labelled or clicked in this window, beside those of the time before."""
    lost: str = ""
    """What was recorded of a loss of quality in this window; empty: nothing."""


@dataclass(frozen=True)
class Loss:
    """A loss of quality that begins in a window."""

    window: str
    """Name of the window."""
    place: int
    """Its place among the windows, from 0."""
    reason: str
    """What was measured."""


@dataclass(frozen=True)
class Score:
    """How one trigger, or the policy, performed in the replay.

    Only windows that the trigger measured count: where its input was missing, it was neither right
    nor wrong.
    """

    name: str
    """Name of the trigger, "any trigger" or "policy"."""
    quiet: int
    """Measured windows without drift."""
    false_alarms: int
    """Those of them in which it fired."""
    drifted: int
    """Measured windows with drift."""
    misses: int
    """Those of them in which it did not fire."""
    delays: tuple[float | None, ...]
    """Hours from the first drifted window of a row of them to the first alarm, per row; None where
    no alarm came. Rows that were not measured at all are left out."""
    unmeasured: int = 0
    """Windows in which its input was missing."""
    leads: tuple[int | None, ...] = ()
    """Windows from its alarm to the loss of quality, per loss: positive where it came before,
    negative where it came after; None where no alarm belongs to the loss."""


@dataclass(frozen=True)
class Replay:
    """All decisions of a replay, and how good they were."""

    names: tuple[str, ...]
    """Names of the windows, in order."""
    decisions: tuple[Decision, ...]
    """The decision of the policy per window."""
    scores: tuple[Score, ...]
    """One per trigger, then one for any trigger at all, then one for the policy."""
    losses: tuple[Loss, ...] = ()
    """Where quality began to fall."""
    quality_measured: int = 0
    """Windows in which quality was measured."""


def replay(windows: Sequence[Window], triggers: Sequence[Trigger], policy: Policy) -> Replay:
    """Check each window in turn, as if it had just arrived.

    Nothing is trained: after training would have started, the reference stays the same. A drift
    that lasts is therefore found again, and the cooldown of the policy applies.

    Raises
    ------
    ValueError
        There is no window, or the windows are not in order of time.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import ModelAge, Observation, Policy, Sample, Window, replay
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> old, young = (Observation(none, none, champion_age_days=days) for days in (200.0, 1.0))
    >>> windows = [Window("a", 0.0, young, False), Window("b", 24.0, old, True)]
    >>> score = replay(windows, [ModelAge()], Policy()).scores[-1]
    >>> score.false_alarms, score.misses
    (0, 0)
    """
    if not windows:
        raise ValueError("a replay needs at least one window, got none")
    hours = [window.hours for window in windows]
    if hours != sorted(hours):
        raise ValueError("windows must be in order of time")
    past: list[PastCheck] = []
    decisions = []
    for window in windows:
        signals: tuple[Signal, ...] = tuple(
            trigger.check(window.observation) for trigger in triggers
        )
        decision = policy.decide(signals, past, window.hours, fresh=window.fresh)
        past.append(PastCheck(window.hours, signals, decision.train, window.fresh))
        decisions.append(decision)
    alarms: dict[str, list[bool | None]] = {
        trigger.name: [_alarm(check.signals[place]) for check in past]
        for place, trigger in enumerate(triggers)
    }
    alarms["any trigger"] = [any(signal.fired for signal in check.signals) for check in past]
    alarms["policy"] = [decision.train for decision in decisions]
    fallen = [_fallen(window, triggers) for window in windows]
    losses = tuple(_losses(windows, fallen))
    scores = tuple(_score(name, windows, fired, losses) for name, fired in alarms.items())
    return Replay(
        tuple(window.name for window in windows),
        tuple(decisions),
        scores,
        losses,
        sum(each is not None for each in fallen),
    )


def lead(alarms: Sequence[bool | None], loss: int) -> int | None:
    """Return by how many windows an alarm came before a loss.

    The alarm is the first of the unbroken run of alarms that ends in the window of the loss, or in
    the one before: an alarm that fell silent again long before said nothing of this loss. Without
    such a run, it is the first alarm after the loss, and the number is negative.

    Examples
    --------
    >>> lead([True, False, True, True, True], loss=4), lead([False, False, False, True], loss=1)
    (2, -2)
    """
    start = next((place for place in (loss, loss - 1) if place >= 0 and alarms[place]), None)
    if start is None:
        later = next((place for place in range(loss, len(alarms)) if alarms[place]), None)
        return None if later is None else loss - later
    while start > 0 and alarms[start - 1]:
        start -= 1
    return loss - start


def _fallen(window: Window, triggers: Sequence[Trigger]) -> str | None:
    """Say how quality fell in a window; empty if it did not, None where it was not measured."""
    if window.lost:
        return window.lost
    asked = next((one for one in triggers if isinstance(one, QualityDrop)), QualityDrop())
    signal = asked.check(replace(window.observation, quality=window.quality, hit_rates={}))
    if not signal.measured:
        return None
    return signal.reason if signal.fired else ""


def _losses(windows: Sequence[Window], fallen: Sequence[str | None]) -> list[Loss]:
    """Return the windows in which quality began to fall."""
    found, falling = [], False
    for place, (window, reason) in enumerate(zip(windows, fallen, strict=True)):
        if reason and not falling:
            found.append(Loss(window.name, place, reason))
        falling = falling if reason is None else bool(reason)
    return found


def _alarm(signal: Signal) -> bool | None:
    return signal.fired if signal.measured else None


def _score(
    name: str, windows: Sequence[Window], alarms: Sequence[bool | None], losses: Sequence[Loss]
) -> Score:
    told = [
        (window.drifted, alarm)
        for window, alarm in zip(windows, alarms, strict=True)
        if alarm is not None
    ]
    quiet = [alarm for drifted, alarm in told if drifted is False]
    moved = [alarm for drifted, alarm in told if drifted]
    return Score(
        name=name,
        quiet=len(quiet),
        false_alarms=sum(quiet),
        drifted=len(moved),
        misses=len(moved) - sum(moved),
        delays=_delays(windows, alarms),
        unmeasured=len(windows) - len(told),
        leads=tuple(lead(alarms, loss.place) for loss in losses),
    )


def _delays(windows: Sequence[Window], alarms: Sequence[bool | None]) -> tuple[float | None, ...]:
    delays: list[float | None] = []
    start: float | None = None
    measured = False
    for window, alarm in zip(windows, alarms, strict=True):
        if not window.drifted:
            start, measured = None, False
            continue
        start = window.hours if start is None else start
        if alarm is None:
            continue
        if not measured:
            measured = True
            delays.append(None)
        if alarm and delays[-1] is None:
            delays[-1] = window.hours - start
    return tuple(delays)
