"""Meaning moves little by little, too little for any single window."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.signal import Observation, Signal
from drift_triggers.slices import part
from drift_triggers.statistics.known_ground import View


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SlowDrift:
    """Fire when the long window drifts away from the reference, step by step.

    Two things must hold over ``Observation.history``, the texts of many windows up to now: the
    distance to the reference rises with time (rank correlation), and the latest part of
    the history, taken as one large window, is new ground to ``out_of_distribution`` or
    ``embedding_shift`` with their own settings. The larger of the two p-values counts.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample
    >>> def sample(seed, centres):
    ...     rows = np.random.default_rng(seed).normal(1.0, 1.0, (len(centres), 8))
    ...     rows[:, 0] += centres
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = tuple(f"text {seed} {row}" for row in range(len(centres)))
    ...     return Sample(texts, rows.astype(np.float32))
    >>> reference, history = sample(1, np.zeros(300)), sample(2, np.linspace(0, -9, 600))
    >>> today = sample(3, np.full(10, -9.0))
    >>> SlowDrift().check(Observation(today, reference, history=history)).fired
    True
    """

    name: ClassVar[str] = "slow_drift"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; one chance hit in 1,000 quiet looks, before the effect."""
    latest_share: float = Field(default=1 / 3, gt=0.0, lt=1.0)
    """Latest part of the history that is compared with the reference: a third of it."""
    minimum_texts: int = Field(default=100, ge=20)
    """Distinct texts of history; below this the long window is hardly longer than a window."""
    largest_sample: int = Field(default=2000, ge=100)
    """Texts used of either side (evenly spread in time), which bounds time and memory."""

    def check(self, observation: Observation) -> Signal:
        """Look at the trend of the long window and at where it ends."""
        history = observation.history
        if history is None:
            return Signal(self.name, False, "nothing to look at: no history was given")
        long = replace(observation, recent=history)
        long.require_texts()
        view = View.of(history, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        if view.distinct < self.minimum_texts or reference.distinct < 20:
            fewest = min(view.distinct, reference.distinct)
            return Signal(
                self.name, False, f"not enough texts: {fewest} < {self.minimum_texts} distinct"
            )
        novelty = view.novelty(reference)
        rising = float(scipy.stats.spearmanr(np.arange(len(novelty)), novelty).statistic)
        score = rising * np.sqrt(max(0.0, len(novelty) / view.correlation_range - 1.0))
        trend = (
            float(np.clip(scipy.stats.norm.sf(score), 1e-300, 1.0)) if np.isfinite(score) else 1.0
        )
        start = round(len(view.rows) * (1.0 - self.latest_share))
        rows = view.rows[start:]
        latest = replace(long, recent=part(history, rows))
        found = OutOfDistribution(largest_sample=self.largest_sample).check(latest)
        if not found.fired and trend <= self.significance:
            shift = EmbeddingShift(largest_sample=self.largest_sample).check(latest)
            found = shift if shift.fired else found
        p_value = max(trend, found.p_value if found.p_value is not None else 1.0)
        fired = found.fired and p_value <= self.significance
        reason = (
            f"over {view} texts the distance to the reference "
            f"{'rises' if rising > 0 else 'does not rise'} with time (rank correlation "
            f"{rising:.2f}, p = {trend:.2g}); the latest {len(rows)}: {found.reason}"
        )
        return Signal(
            self.name,
            fired,
            f"slow drift: {reason}" if fired else reason,
            p_value=p_value,
            effect=found.effect,
            threshold=found.threshold,
            cause="temporal" if fired else None,
            examples=found.examples,
        )
