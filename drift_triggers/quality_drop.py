"""The champion scores lower than when it was accepted."""

from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Quality, Signal
from drift_triggers.statistics.dependence import Scatter, order_ratio


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class QualityDrop:
    """Fire when golden sets or recently labelled queries show that retrieval got worse.

    A golden set that was scored at acceptance and now is compared query by query (paired t-test);
    different labelled queries, or users, are compared by Welch's t-test. Unpaired scores are given
    in order of time: where neighbours resemble one another, they count as fewer. Each task is one
    test, and the p-value is corrected for their number (Bonferroni).

    Notes
    -----
    The effect is the loss of the mean score in the metric's units. A constant loss has no spread to
    test: its p-value is 1e-300 if positive, otherwise 1. Not measured without a task that has
    ``minimum_queries`` scores at acceptance and now.

    References
    ----------
    The t-test keeps its level for retrieval metrics: Urbano et al. 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Quality, QualityDrop, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> then = np.random.default_rng(0).uniform(0.4, 1.0, 80)
    >>> for now in (then * 0.7, then[::-1]):
    ...     golden = {"golden": Quality(then, now)}
    ...     QualityDrop().check(Observation(none, none, quality=golden)).fired
    True
    False
    """

    name: ClassVar[str] = "quality_drop"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value, corrected for the number of tasks, that may fire."""
    maximum_drop: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Loss of the mean score that must be exceeded, in the metric's units, 0 to 1."""
    minimum_queries: int = Field(default=20, ge=5)
    """Scored queries that a task needs; with fewer, the t-test depends too much on normality."""

    def check(self, observation: Observation) -> Signal:
        """Compare the scores now with those at acceptance, task by task."""
        tasks = {}
        for task, quality in observation.quality.items():
            _refuse(task, quality)
            if min(len(quality.accepted), len(quality.now)) >= self.minimum_queries:
                tasks[task] = quality
        if not tasks:
            few = (
                "no changed golden set, fresh labelled pairs or clicks with "
                f"{self.minimum_queries} scores before and now"
            )
            return Signal.unmeasured(self.name, few)
        found = [(*_drop(quality), task, quality) for task, quality in sorted(tasks.items())]
        effect, p_value, task, quality = max(
            found, key=lambda one: (one[1] * len(found) <= self.significance, one[0])
        )
        p_value = float(np.clip(p_value * len(found), 1e-300, 1.0))
        fired = p_value <= self.significance and effect > self.maximum_drop
        rates = observation.hit_rates.get(task, ())
        history = "; hit rate " + " -> ".join(f"{rate:.2f}" for rate in rates[-6:]) if rates else ""
        reason = (
            f"{task}: mean score {quality.accepted.mean():.3f} -> {quality.now.mean():.3f} over "
            f"{len(quality.now)} {quality.unit} (loss {effect:.3f}, limit {self.maximum_drop:g}; "
            f"p = {p_value:.2g}){history}"
        )
        lost = quality.accepted - quality.now if quality.paired else -quality.now
        worst = np.argsort(-lost, kind="stable")[: 5 if quality.queries else 0]
        return Signal(
            self.name,
            fired,
            f"retrieval got worse: {reason}" if fired else reason,
            p_value=p_value,
            effect=effect,
            threshold=self.maximum_drop,
            cause="retrieval_loss" if fired else None,
            examples=tuple(quality.queries[row] for row in worst),
        )


def _refuse(task: str, quality: Quality) -> None:
    for side in ("accepted", "now"):
        scores = getattr(quality, side)
        if scores.ndim != 1 or not np.isfinite(scores).all():
            raise ValueError(f"quality of {task!r}: {side} must be one finite number per query")
    if quality.paired and len(quality.accepted) != len(quality.now):
        raise ValueError(
            f"quality of {task!r}: paired scores must belong to the same queries, got "
            f"{len(quality.accepted)} and {len(quality.now)}"
        )


def loss_p_value(lost: NDArray[np.float64]) -> float:
    """Return the one-sided p-value of "nothing was lost", of losses on the same queries.

    Examples
    --------
    >>> loss_p_value(np.array([0.1, 0.1])), loss_p_value(np.zeros(2))
    (1e-300, 1.0)
    """
    if np.ptp(lost) < 1e-12:
        # A constant difference has no spread to test: all or nothing.
        return 1e-300 if float(lost.mean()) > 1e-12 else 1.0
    return float(scipy.stats.ttest_1samp(lost, 0.0, alternative="greater").pvalue)


def _drop(quality: Quality) -> tuple[float, float]:
    """Return the loss of the mean, and the one-sided p-value of "no loss"."""
    effect = float(quality.accepted.mean() - quality.now.mean())
    if quality.paired:
        return effect, loss_p_value(quality.accepted - quality.now)
    if np.ptp(quality.accepted) < 1e-12 and np.ptp(quality.now) < 1e-12:
        return effect, 1e-300 if effect > 1e-12 else 1.0
    # From the moments: one side may be constant, as where each answer of a hit rate is found.
    sides = [(side.mean(), side.std(ddof=1), len(side)) for side in (quality.accepted, quality.now)]
    test = scipy.stats.ttest_ind_from_stats(
        *sides[0], *sides[1], equal_var=False, alternative="greater"
    )
    ratio = max(order_ratio(quality.accepted), order_ratio(quality.now))
    allowed = Scatter(ratio).p_value(float(scipy.stats.norm.isf(max(test.pvalue, 1e-300))))
    return effect, max(float(test.pvalue), allowed)
