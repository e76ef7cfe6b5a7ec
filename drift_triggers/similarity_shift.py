"""The cosine between queries and their best returned documents fell."""

from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Served, Signal
from drift_triggers.statistics.dependence import Scatter, order_ratio


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SimilarityShift:
    """Fire when answers match their queries less than before.

    A one-sided rank test (Mann-Whitney) compares the best cosine per query with those of the
    reference period. The effect must exceed what stretches of the reference period show against the
    rest of it, in the given order, so that ordinary ups and downs count as quiet.

    Notes
    -----
    The effect is the one-sided Kolmogorov-Smirnov distance, 0 (not lower anywhere) to 1 (all
    lower). Not measured when the cosines of a period are missing, or fewer than
    ``minimum_queries``.

    References
    ----------
    ``scipy.stats.mannwhitneyu`` for the p-value, ``scipy.stats.ks_2samp`` for the effect.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, Served, SimilarityShift
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> cosines = np.random.default_rng(0).normal(0.7, 0.1, 400).clip(-1, 1)
    >>> before, same, lower = Served(cosines[:200]), Served(cosines[200:]), Served(cosines - 0.2)
    >>> seen = Observation(none, none, served_before=before, served_recently=lower)
    >>> SimilarityShift().check(seen).fired
    True
    >>> seen = Observation(none, none, served_before=before, served_recently=same)
    >>> SimilarityShift().check(seen).fired
    False
    """

    name: ClassVar[str] = "similarity_shift"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; 0.001 occurs by chance in 1 of 1,000 windows without drift."""
    minimum_effect: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Kolmogorov-Smirnov distance that must be exceeded, 0 to 1; 0.2: a fifth of the answers."""
    minimum_queries: int = Field(default=30, ge=10)
    """Queries that each period needs; fewer cannot resolve ``minimum_effect``."""

    def check(self, observation: Observation) -> Signal:
        """Compare the recent cosines with those of the reference period."""
        before, now = observation.served_before, observation.served_recently
        if before is None or now is None or not len(before.cosines) or not len(now.cosines):
            return Signal.unmeasured(self.name, "no cosines of served answers were given")
        for side, values in (("served_before", before.cosines), ("served_recently", now.cosines)):
            if not np.isfinite(values).all() or np.abs(values).max() > 1.001:
                raise ValueError(f"{side}.cosines must be numbers in [-1, 1]")
        fewest = min(len(before.cosines), len(now.cosines))
        if fewest < self.minimum_queries:
            return Signal.too_few(self.name, fewest, self.minimum_queries, "queries")
        test = scipy.stats.mannwhitneyu(
            now.cosines, before.cosines, alternative="less", method="asymptotic"
        )
        # Queries of one session get like answers: they count as fewer.
        ratio = max(order_ratio(before.cosines), order_ratio(now.cosines))
        p_value = Scatter(ratio).p_value(float(scipy.stats.norm.isf(test.pvalue)))
        p_value = max(float(test.pvalue), p_value)
        effect = _lower(before.cosines, now.cosines)
        size = min(len(now.cosines), len(before.cosines) // 2)
        starts = np.linspace(0, len(before.cosines) - size, 20).astype(int)
        quiet = [
            _lower(
                np.delete(before.cosines, np.s_[start : start + size]),
                before.cosines[start : start + size],
            )
            for start in starts
        ]
        threshold = max(self.minimum_effect, max(quiet))
        low = float(np.quantile(before.cosines, 0.1))
        below = float((now.cosines < low).mean())
        fired = p_value <= self.significance and effect > threshold
        reason = (
            f"median best cosine {np.median(before.cosines):.3f} -> {np.median(now.cosines):.3f}; "
            f"{below:.0%} of the answers are below {low:.3f}, 10% were before (distance "
            f"{effect:.2f}, limit {threshold:.2f}; p = {p_value:.2g}){_beside(before, now)}"
        )
        return Signal(
            self.name,
            fired,
            f"answers match their queries less: {reason}" if fired else reason,
            p_value=p_value,
            effect=effect,
            threshold=threshold,
            cause="retrieval_loss" if fired else None,
        )


def _beside(before: Served, now: Served) -> str:
    """Say what else is known of the answers: margins, and queries that are nearly the same."""
    told = ""
    if len(before.margins) and len(now.margins):
        told += (
            f"; median margin to the second document {np.median(before.margins):.3f} -> "
            f"{np.median(now.margins):.3f}"
        )
    if len(before.repeats) and len(now.repeats):
        (near, common), (near_now, common_now) = (
            side.repeats.mean(axis=0) for side in (before, now)
        )
        told += (
            f"; near-identical queries share {common:.0%} -> {common_now:.0%} of their documents "
            f"(cosine {near:.3f} -> {near_now:.3f})"
        )
    return told


def _lower(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return the largest excess of the share of ``now`` below any value over that of ``before``."""
    # The exact p-value, the default, would take most of the time and is not used.
    return float(scipy.stats.ks_2samp(now, before, alternative="greater", method="asymp").statistic)
