"""Many signals, one decision: effect and significance and persistence, over the whole life.

Error control
-------------
A trigger fires at its own level, say 1 in 1,000: with several triggers that look every day for a
year, a false launch would be all but certain. The policy therefore spends one error rate over
``life_looks`` looks. Half of it goes to launches at once: a p-value launches when it is at most
``error_rate / 2 / (life_looks * tests)``, for ``tests`` statistical signals in a look. By
Bonferroni, the chance of even one such launch in ``life_looks`` quiet looks is at most
``error_rate / 2``, however the tests depend on one another, and the level is the same at the first
look and the three-hundredth (a spending sequence that thins out would make late shifts wait). The
other half goes to persistence: the same trigger fired in ``persistence`` looks in a row, on texts
not seen before, each time with a p-value of at most the ``persistence``-th root of that level.

Published alternatives were weighed. Online false discovery rate control (LORD, SAFFRON) bounds the
share of false launches among launches, which says nothing about a deployment in which nothing ever
drifts. A spending function over a fixed number of looks is this rule, but ends when they are spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass as result
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Signal


@result(frozen=True)
class Look:
    """One past decision, as the policy needs it."""

    hours: float
    """When, in hours since the epoch."""
    signals: tuple[Signal, ...]
    """What the triggers saw."""
    launched: bool
    """Whether training was started."""
    fresh: bool = True
    """Whether its recent texts were not in the window of the look before."""


@result(frozen=True)
class Decision:
    """Train or not, with all that led to it."""

    train: bool
    """Whether training should start now."""
    reasons: tuple[str, ...]
    """Why, or why not; never empty."""
    blocked_by: tuple[str, ...]
    """Names of the guards that forbid training until somebody has looked."""
    signals: tuple[Signal, ...]
    """What the triggers saw."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Policy:
    """Decide from the signals of this look and those of the past.

    Examples
    --------
    >>> plain = Signal("embedding_shift", True, "moved", p_value=1e-9, effect=0.3, threshold=0.1)
    >>> Policy().decide([plain], [], hours=0.0).train
    True
    >>> thin = Signal("embedding_shift", True, "moved", p_value=9e-4, effect=0.3, threshold=0.1)
    >>> Policy().decide([thin], [], hours=24.0).train
    False
    >>> Policy().decide([thin], [Look(0.0, (thin,), launched=False)], hours=24.0).train
    True
    """

    name: ClassVar[str] = "policy"

    error_rate: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Largest chance of even one launch by a test in ``life_looks`` looks without any drift."""
    life_looks: int = Field(default=365, ge=1)
    """Looks that share the error rate; a year of days. The guarantee holds for any such stretch."""
    persistence: int = Field(default=2, ge=2)
    """Looks in a row that must agree when one is not plain enough; two cost one look of delay."""
    cooldown_hours: float = Field(default=24.0, ge=0.0)
    """Hours after a launch without another: a day, to see the effect of one before the next."""

    def decide(
        self, signals: Sequence[Signal], past: Sequence[Look], hours: float, *, fresh: bool = True
    ) -> Decision:
        """Return the decision of this look.

        Parameters
        ----------
        signals
            What the triggers saw now.
        past
            Earlier looks, oldest first; only those of the serving champion.
        hours
            Now, in hours since the epoch.
        fresh
            Whether the recent texts were not already looked at in the look before; looks at the
            same texts cannot confirm one another.
        """
        chosen = tuple(signals)
        blocked = tuple(signal.trigger for signal in chosen if signal.fired and signal.blocks)
        tests = max(1, sum(signal.p_value is not None for signal in chosen if not signal.blocks))
        launches: list[str] = []
        waits: list[str] = []
        for signal in chosen:
            if not signal.fired or signal.blocks:
                continue
            why = self._why(signal, tests, past, fresh)
            if why:
                launches.append(f"{signal.trigger}: {why}: {signal.reason}")
            else:
                waits.append(f"{signal.trigger} waits for another look: {signal.reason}")
        resting = self._resting(past, hours)
        if blocked:
            stopped = [
                f"{signal.trigger} forbids training: {signal.reason}"
                for signal in chosen
                if signal.fired and signal.blocks
            ]
            return Decision(False, tuple(stopped + launches), blocked, chosen)
        if launches and resting > 0.0:
            cool = f"the last launch was less than {self.cooldown_hours:g} hours ago"
            return Decision(False, (cool, *launches), (), chosen)
        if launches:
            return Decision(True, tuple(launches), (), chosen)
        return Decision(False, tuple(waits) or ("no trigger fired",), (), chosen)

    def _why(self, signal: Signal, tests: int, past: Sequence[Look], fresh: bool) -> str:
        if signal.p_value is None:
            return "due"
        level = self.error_rate / 2.0 / (self.life_looks * tests)
        if signal.p_value <= level:
            return f"plain (p = {signal.p_value:.1g} <= {level:.1g})"
        shared = level ** (1.0 / self.persistence)
        if signal.p_value > shared or not fresh:
            return ""
        recent = list(past)[-(self.persistence - 1) :]
        if len(recent) < self.persistence - 1:
            return ""
        for place, look in enumerate(recent):
            same = [one for one in look.signals if one.trigger == signal.trigger and one.fired]
            if look.launched or not same or (place > 0 and not look.fresh):
                return ""
            if same[0].p_value is None or same[0].p_value > shared:
                return ""
        return f"{self.persistence} looks in a row (each p <= {shared:.1g})"

    def _resting(self, past: Sequence[Look], hours: float) -> float:
        launched = [look.hours for look in past if look.launched]
        return max(launched) + self.cooldown_hours - hours if launched else 0.0
