"""The embeddings shift slowly, too little for any single window to show it."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.out_of_distribution import OutOfDistribution
from drift_triggers.signal import Observation, Signal
from drift_triggers.slices import part
from drift_triggers.statistics.dependence import order_ratio
from drift_triggers.statistics.view import View

LATER_SIGNIFICANCE = 0.01
"""Largest p-value of "the later texts are farther from the reference" that may fire: a second
test."""
FEWEST_TEXTS = 20
"""Distinct texts per side that the triggers need that test the latest part."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SlowDrift:
    """Fire when the long window drifts away from the reference step by step.

    Two conditions must be met over ``Observation.history``, the texts of many windows up to now:
    the distance to the reference rises with time (Spearman rank correlation), and the latest part
    of the history, taken as one large window, fires ``out_of_distribution`` or ``embedding_shift``
    with their default settings. The larger of the two p-values counts.

    Without a history, texts of the recent window that are later than all of the reference are
    tested in the same way, if the window has earlier ones too: records that arrive late would
    dilute what is new. They must also be farther from the reference than the earlier ones.

    Notes
    -----
    Effect and threshold are those of the trigger that tested the latest part. Not measured with
    neither of these, or when a side has too few distinct texts.

    References
    ----------
    ``scipy.stats.spearmanr`` for the trend, texts that belong together counted as one.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, SlowDrift
    >>> def sample(seed, centres):
    ...     rows = np.random.default_rng(seed).normal(1.0, 1.0, (len(centres), 8))
    ...     rows[:, 0] += centres
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = tuple(f"text {seed} {row}" for row in range(len(centres)))
    ...     return Sample(texts, rows.astype(np.float32))
    >>> reference, steady = sample(1, np.zeros(300)), sample(4, np.zeros(600))
    >>> history, today = sample(2, np.linspace(0, -9, 600)), sample(3, np.full(10, -9.0))
    >>> [SlowDrift().check(Observation(today, reference, history=long)).fired
    ...  for long in (history, steady)]
    [True, False]
    """

    name: ClassVar[str] = "slow_drift"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; 0.001 occurs by chance in 1 of 1,000 checks without drift."""
    latest_share: float = Field(default=1 / 3, gt=0.0, lt=1.0)
    """Share of the history, the latest part, that is compared with the reference, 0 to 1."""
    minimum_texts: int = Field(default=100, ge=20)
    """Distinct texts that the history needs; with fewer it is hardly longer than a window."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Test the trend of the long window, and its latest part against the reference."""
        history = observation.history
        if history is None:
            return self._later_texts(observation)
        long = replace(observation, recent=history)
        long.require_texts()
        view = View.of(history, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        rows = view.rows[round(len(view.rows) * (1.0 - self.latest_share)) :]
        for side, found, needed in (
            ("distinct texts of history", view.distinct, self.minimum_texts),
            ("distinct texts in the latest part of the history", len(rows), FEWEST_TEXTS),
            ("distinct reference texts", reference.distinct, FEWEST_TEXTS),
        ):
            if found < needed:
                return Signal.too_few(self.name, found, needed, side)
        novelty = view.novelty(reference)
        rising = float(scipy.stats.spearmanr(np.arange(len(novelty)), novelty).statistic)
        score = rising * np.sqrt(max(0.0, len(novelty) / _worth(novelty, view) - 1.0))
        trend = (
            float(np.clip(scipy.stats.norm.sf(score), 1e-300, 1.0)) if np.isfinite(score) else 1.0
        )
        latest = replace(long, recent=part(history, rows))
        latest_signal = OutOfDistribution(largest_sample=self.largest_sample).check(latest)
        if not latest_signal.fired and trend <= self.significance:
            shift = EmbeddingShift(largest_sample=self.largest_sample).check(latest)
            latest_signal = shift if shift.fired else latest_signal
        p_value = max(trend, 1.0 if latest_signal.p_value is None else latest_signal.p_value)
        fired = latest_signal.fired and p_value <= self.significance
        reason = (
            f"over {view} texts the distance from the reference "
            f"{'rises' if rising > 0 else 'does not rise'} with time (rank correlation "
            f"{rising:.2f}, p = {trend:.2g}); the latest {len(rows)}: {latest_signal.reason}"
        )
        return Signal(
            self.name,
            fired,
            f"slow drift: {reason}" if fired else reason,
            p_value=p_value,
            effect=latest_signal.effect,
            threshold=latest_signal.threshold,
            cause="temporal" if fired else None,
            examples=latest_signal.examples,
        )

    def _later_texts(self, observation: Observation) -> Signal:
        """Test the texts of a window that are later than all of the reference by themselves."""
        observation.require_texts()
        view = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        times, known = observation.recent.timestamps, observation.reference.timestamps
        if times is None or known is None or not (view.in_time and reference.in_time):
            return Signal.unmeasured(self.name, "no texts beyond the recent window were given")
        later = times[view.rows] > known[reference.rows].max()
        for rows, when in ((~later, "within the time"), (later, "later than the texts")):
            if rows.sum() < FEWEST_TEXTS:
                what = f"distinct recent texts {when} of the reference"
                return Signal.too_few(self.name, int(rows.sum()), FEWEST_TEXTS, what)
        novelty = view.novelty(reference)
        trend = float(
            scipy.stats.mannwhitneyu(novelty[later], novelty[~later], alternative="greater").pvalue
        )
        seen = replace(observation, recent=part(observation.recent, view.rows[later]))
        tests = (
            OutOfDistribution(significance=self.significance / 2),
            EmbeddingShift(significance=self.significance / 2),
        )
        signals = [test.check(seen) for test in tests]
        clear = min(signals, key=lambda one: (not one.fired, one.p_value or 1.0))
        p_value = max(trend, min(1.0, 2.0 * (1.0 if clear.p_value is None else clear.p_value)))
        fired = clear.fired and trend <= LATER_SIGNIFICANCE
        reason = (
            f"{int(later.sum())} of {view} recent texts are later than all of the reference, and "
            f"{'' if trend <= LATER_SIGNIFICANCE else 'not clearly '}farther from it than the "
            f"others (p = {trend:.2g}); by themselves: {clear.reason}"
        )
        return replace(
            clear,
            trigger=self.name,
            fired=fired,
            reason=f"slow drift: {reason}" if fired else reason,
            p_value=p_value,
            cause="temporal" if fired else None,
        )


def _worth(novelty: NDArray[np.float64], view: View) -> float:
    """Return the number of texts that count as one in the trend.

    How texts hang together shows beside their trend: with it, the texts of a steady drift would all
    resemble their neighbours, and the clearest drift would count least.
    """
    ranks = scipy.stats.rankdata(novelty)
    beside = scipy.signal.detrend(ranks)
    named = 1 if view.sessions is None else view.session_texts
    return max(named, order_ratio(beside))
