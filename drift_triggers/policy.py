"""Many signals, one decision: significance, effect and persistence over the life of a deployment.

Error control
-------------
A trigger fires at its own level, say 1 in 1,000. Several triggers that test every day for a year
would almost certainly start a training without any drift. The policy therefore spreads one error
rate over ``life_looks`` checks. Half of it pays for immediate starts: a p-value starts training
when it is at most ``error_rate / 2 / (life_looks * tests)``, where ``tests`` is the number of
statistical tests of this check. By Bonferroni, the probability of even one such start in
``life_looks`` checks without drift is at most ``error_rate / 2``, however the tests depend on one
another. The level is the same at the first check and at the three-hundredth; a spending sequence
that decreases would delay late shifts. The other half pays for persistence: the same trigger fired
in ``persistence`` checks in a row, on texts that the check before did not see, each time with a
p-value of at most the ``persistence``-th root of that level.

A changed form of the texts (cause ``pipeline``) is no reason to train by itself: somebody changed
the parser, the form or the client, and what the model knows may still serve. Triggers that the form
can move are then reported, and start training only if ``quality_drop`` fired too. So they are where
``preprocessing`` says that most recent texts were made in another way.

A trigger without input makes no test: its signal is not measured, and does not raise ``tests``.

Alternatives were considered. Online false discovery rate control (LORD, SAFFRON) bounds the share
of false starts among all starts, which says nothing about a deployment in which nothing drifts. A
spending function over a fixed number of checks is this rule, but ends when the checks are spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass as result
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.cause import MOVED_BY_FORM, ONLY_TOLD, explain
from drift_triggers.signal import Signal


@result(frozen=True)
class PastCheck:
    """One earlier decision, as far as the policy needs it."""

    hours: float
    """Time of the check in hours since the epoch."""
    signals: tuple[Signal, ...]
    """What the triggers found."""
    launched: bool
    """Whether training was started."""
    fresh: bool = True
    """Whether its recent texts were not in the window of the check before."""


@result(frozen=True)
class Decision:
    """Train or not, with everything that led to it."""

    train: bool
    """Whether training should start now."""
    reasons: tuple[str, ...]
    """Why, or why not; never empty."""
    blocked_by: tuple[str, ...]
    """Names of the guards that block training until a person has checked the data."""
    signals: tuple[Signal, ...]
    """What the triggers found."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Policy:
    """Decide from the signals of this check and of earlier ones.

    Examples
    --------
    >>> from drift_triggers import PastCheck, Policy, Signal
    >>> clear = Signal("embedding_shift", True, "shifted", p_value=1e-9)
    >>> Policy().decide([clear], [], hours=0.0).train
    True
    >>> weak = Signal("embedding_shift", True, "shifted", p_value=9e-4)
    >>> Policy().decide([weak], [], hours=24.0).reasons
    ('embedding_shift needs confirmation by the next check: shifted',)
    >>> Policy().decide([weak], [PastCheck(0.0, (weak,), launched=False)], hours=24.0).train
    True
    """

    name: ClassVar[str] = "policy"

    error_rate: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Largest probability that a test starts training in ``life_looks`` checks without drift."""
    life_looks: int = Field(default=365, ge=1)
    """Checks that share the error rate: a year of days. The bound holds for any such period."""
    persistence: int = Field(default=2, ge=2)
    """Checks in a row that must fire when one is not significant enough by itself; each one more
    than the first delays training by one check."""
    cooldown_hours: float = Field(default=24.0, ge=0.0)
    """Hours after a training during which no other one starts: time to see its effect."""

    def decide(
        self,
        signals: Sequence[Signal],
        past: Sequence[PastCheck],
        hours: float,
        *,
        fresh: bool = True,
    ) -> Decision:
        """Return the decision of this check.

        Parameters
        ----------
        signals
            What the triggers found now. Signals that are not measured have no influence.
        past
            Earlier checks, oldest first; only those of the current champion.
        hours
            Time of this check in hours since the epoch.
        fresh
            Whether the check before did not see the same texts. Checks of the same texts cannot
            confirm one another.
        """
        chosen = tuple(signals)
        tests = max(1, sum(each.p_value is not None for each in chosen if not each.blocks))
        form = _only_form(chosen)
        starts: list[str] = []
        waits: list[str] = []
        for signal in chosen:
            if not signal.fired or signal.blocks:
                continue
            if signal.trigger in ONLY_TOLD:
                waits.append(f"{signal.trigger} starts no training by itself: {signal.reason}")
                continue
            why = self._why(signal, tests, past, fresh)
            if why and signal.trigger in form:
                waits.append(
                    f"{signal.trigger} starts no training: the form of the texts, or what made "
                    "them, changed (cause pipeline), and quality_drop shows no loss: "
                    f"{signal.reason}"
                )
            elif why:
                starts.append(f"{signal.trigger} ({why}): {signal.reason}")
            else:
                waits.append(
                    f"{signal.trigger} needs confirmation by the next check: {signal.reason}"
                )
        guards = [signal for signal in chosen if signal.fired and signal.blocks]
        if guards:
            stopped = [f"{guard.trigger} blocks training: {guard.reason}" for guard in guards]
            names = tuple(guard.trigger for guard in guards)
            return Decision(False, tuple(stopped + starts), names, chosen)
        if starts and self._cooling(past, hours):
            cool = (
                f"cooldown: the last training started less than {self.cooldown_hours:g} hours ago"
            )
            return Decision(False, (cool, *starts), (), chosen)
        if starts:
            return Decision(True, tuple(starts), (), chosen)
        quiet = "no trigger fired"
        if chosen and not any(signal.measured for signal in chosen):
            quiet = "no trigger could measure anything"
        return Decision(False, tuple(waits) or (quiet,), (), chosen)

    def _why(self, signal: Signal, tests: int, past: Sequence[PastCheck], fresh: bool) -> str:
        """Say why a fired signal starts training; empty when it needs confirmation."""
        if signal.p_value is None:
            return "due"
        level = self.error_rate / 2.0 / (self.life_looks * tests)
        if signal.p_value <= level:
            return f"significant at once, p = {signal.p_value:.1g} <= {level:.1g}"
        shared = level ** (1.0 / self.persistence)
        if signal.p_value > shared or not fresh:
            return ""
        recent = list(past)[-(self.persistence - 1) :]
        if len(recent) < self.persistence - 1:
            return ""
        for place, check in enumerate(recent):
            same = [one for one in check.signals if one.trigger == signal.trigger and one.fired]
            if check.launched or not same or (place > 0 and not check.fresh):
                return ""
            if same[0].p_value is None or same[0].p_value > shared:
                return ""
        return f"confirmed by {self.persistence} checks in a row, each p <= {shared:.1g}"

    def _cooling(self, past: Sequence[PastCheck], hours: float) -> bool:
        # A training that the clock dates into the future: it was set back since. The distance
        # counts, so that an hour changes little, and a year does not stop all training for a year.
        return any(
            abs(hours - check.hours) < self.cooldown_hours for check in past if check.launched
        )


def _only_form(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Return the triggers that only the form of the texts moved, as far as the signals tell."""
    harmed = any(signal.trigger == "quality_drop" and signal.fired for signal in signals)
    return () if harmed or explain(signals).cause != "pipeline" else MOVED_BY_FORM
