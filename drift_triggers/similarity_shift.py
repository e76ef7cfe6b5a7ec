"""The cosine between queries and the documents returned for them moved."""

from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SimilarityShift:
    """Fire when the best cosine of what was served sinks: answers fit their queries less well.

    One-sided rank test of the recent cosines against those of the reference span. The effect is
    the distance by which the recent distribution lies lower (one-sided Kolmogorov-Smirnov, 0 to
    1). It must exceed what two stretches of the reference span of the same size show against each
    other, in the given order, so that ordinary ups and downs are part of quiet.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample, Served
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> cosines = np.random.default_rng(0).normal(0.7, 0.1, 400).clip(-1, 1)
    >>> before, now = Served(cosines[:200]), Served(cosines[200:] - 0.2)
    >>> seen = Observation(none, none, served_before=before, served_recently=now)
    >>> SimilarityShift().check(seen).fired
    True
    """

    name: ClassVar[str] = "similarity_shift"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; one chance hit in 1,000 quiet windows, before the effect."""
    minimum_effect: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Distance below which a shift of cosines is of no use to act on: a fifth of the answers."""
    minimum_queries: int = Field(default=30, ge=10)
    """Queries needed on either side; fewer resolve no distance near ``minimum_effect``."""

    def check(self, observation: Observation) -> Signal:
        """Compare the cosines served recently with those served before."""
        before, now = observation.served_before, observation.served_recently
        if before is None or now is None or not len(before.cosines) or not len(now.cosines):
            return Signal(self.name, False, "nothing to look at: no served cosines were given")
        for side, values in (("served_before", before.cosines), ("served_recently", now.cosines)):
            if not np.isfinite(values).all() or np.abs(values).max() > 1.001:
                raise ValueError(f"{side}.cosines must be numbers in [-1, 1]")
        fewest = min(len(before.cosines), len(now.cosines))
        if fewest < self.minimum_queries:
            return Signal(
                self.name, False, f"not enough queries: {fewest} < {self.minimum_queries}"
            )
        test = scipy.stats.mannwhitneyu(
            now.cosines, before.cosines, alternative="less", method="asymptotic"
        )
        p_value = max(float(test.pvalue), 1e-300)
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
            f"{below:.0%} of the answers lie below {low:.3f}, where a tenth did (distance "
            f"{effect:.2f}, quiet data reach {threshold:.2f}; p = {p_value:.2g})"
        )
        return Signal(
            self.name,
            fired,
            f"answers fit their queries less well: {reason}" if fired else reason,
            p_value=p_value,
            effect=effect,
            threshold=threshold,
            cause="retrieval_loss" if fired else None,
        )


def _lower(before: NDArray[np.float64], now: NDArray[np.float64]) -> float:
    """Return by how much more of ``now`` lies below some value than of ``before`` (0 to 1)."""
    points = np.sort(now)
    share = np.arange(1, len(points) + 1) / len(points)
    others = np.searchsorted(np.sort(before), points, side="right") / len(before)
    return float(max(0.0, (share - others).max()))
