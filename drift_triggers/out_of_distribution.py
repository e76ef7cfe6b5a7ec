"""Share of recent texts that lie farther from the reference than its own texts do."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.statistics.known_ground import KnownGround, View, most_repeated, run_length

SCATTER = 1.25
"""Variance of the number of far texts over that of independent ones, at most, in quiet windows of
100 to 1,000 texts (benchmarks/detection.py, validity)."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class OutOfDistribution:
    """Fire when new ground opens: recent texts far from everything the champion knows.

    The distance of a text is the mean cosine distance to its five nearest reference texts. The
    reference's own texts, each against the others, say which distance is unusual: a tenth of them
    lies beyond. Under "nothing changed" the number of recent texts beyond follows a beta-binomial
    law (the limit is itself estimated from the reference), which gives the p-value; counts are
    first divided by 1.25, because distances that share neighbours scatter a little more.

    A low p-value alone does not fire. The share must also exceed what other topics of the same
    kind reach (whole topics of the reference held out, contiguous stretches too when texts come in
    bursts), and the texts must lie far for the region of the reference that they fall in: a surge
    in a thinly covered but known region is a change of mix, not new ground. Repetitions count once.

    Notes
    -----
    Distances to neighbours as out-of-distribution score: Sun et al. 2022 (arXiv 2204.06507).

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample
    >>> def sample(seed, centre):
    ...     rows = np.random.default_rng(seed).normal(centre, 1.0, (200, 8))
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = tuple(f"text {seed} {row}" for row in range(200))
    ...     return Sample(texts, rows.astype(np.float32))
    >>> trigger = OutOfDistribution()
    >>> trigger.check(Observation(sample(1, 0.0), sample(2, 1.5))).fired
    True
    >>> trigger.check(Observation(sample(3, 1.5), sample(2, 1.5))).fired
    False
    """

    name: ClassVar[str] = "out_of_distribution"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; one chance hit in 1,000 quiet windows, before the effect."""
    usual_share: float = Field(default=0.1, gt=0.0, lt=0.5)
    """Share of the reference that counts as far; a tenth keeps hundreds of texts on both sides."""
    minimum_excess: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Share of recent texts beyond the usual share below which no training is worth its cost."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of the quiet splits of the reference that must stay below the observed share."""
    splits: int = Field(default=60, ge=20)
    """Quiet splits of the reference; 60 leave three above the 95 % quantile."""
    local_significance: float = Field(default=0.01, gt=0.0, lt=0.5)
    """Largest p-value of "farther than usual for the region" that may fire: a second opinion."""
    texts_in_region: int = Field(default=25, ge=5)
    """Reference texts to a region, on average: enough to rank a text among them to a twentieth."""
    minimum_texts: int = Field(default=20, ge=10)
    """Distinct texts needed on either side; with fewer, a half new window has a weak p-value."""
    largest_sample: int = Field(default=2000, ge=100)
    """Texts used of either side (evenly spread in time), which bounds time and memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare the recent texts' distances with the reference's own."""
        observation.require_texts()
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        fewest = min(recent.distinct, reference.distinct)
        if fewest < self.minimum_texts:
            return Signal(
                self.name, False, f"not enough texts: {fewest} < {self.minimum_texts} distinct"
            )
        ground = reference.ground
        run = run_length(recent, reference)
        count, known = len(recent.rows), len(reference.rows)
        novelty = recent.novelty(reference)
        far = novelty > self._limit(ground.own)
        share = float(far.mean())
        p_value = self._p_value(int(far.sum()), count, known, run)
        regions = ground.regions(recent.embeddings, self.texts_in_region, observation.seed)
        _, local_p_value = ground.regional_ranks(novelty, regions)
        threshold = self._threshold(ground, count, observation.seed, run > 1)
        convincing = p_value <= self.significance and share > threshold
        fired = convincing and local_p_value <= self.local_significance
        reason = (
            f"{share:.0%} of {recent} distinct recent texts lie farther from the {reference} texts "
            f"of the reference than {1 - self.usual_share:.0%} of its own do "
            f"(quiet data reach {threshold:.0%}, p = {p_value:.2g}); "
            f"{(ground.confidence(novelty) <= 0.01).mean():.0%} are foreign with 99% confidence, "
            f"median distance from the region's centre {np.median(regions.own_distance):.2f} -> "
            f"{np.median(regions.other_distance):.2f}"
        )
        farthest = np.argsort(-novelty, kind="stable")[:5]
        signal = Signal(
            self.name,
            fired,
            reason,
            p_value=p_value,
            effect=share,
            threshold=threshold,
            examples=tuple(observation.recent.texts[recent.rows[row]] for row in farthest),
        )
        if fired:
            return replace(signal, cause="concept", reason=f"new ground: {reason}")
        if convincing:
            return replace(signal, reason=f"change of mix within known ground: {reason}")
        text, repeated = most_repeated(observation.recent.texts)
        if repeated >= 0.1:
            note = f"; {repeated:.0%} of the calls repeat {text[:60]!r}, counted once"
            return replace(signal, reason=reason + note)
        return signal

    def _limit(self, own: NDArray[np.float64]) -> float:
        beyond = max(1, int(self.usual_share * len(own)))
        return float(np.sort(own)[-beyond - 1])

    def _p_value(self, beyond: int, recent: int, reference: int, run: int) -> float:
        # The limit is the k-th largest of n own distances, so a new text lies beyond it with a
        # chance that is Beta(k, n - k + 1), and the count of many is beta-binomial. Texts of one
        # correlated run count as one, on both sides.
        known = max(2, reference // run)
        k = max(1, int(self.usual_share * known)) + 1
        worth = run * SCATTER
        size = max(1, int(recent / worth))
        reached = np.arange(min(int(beyond / worth), size), size + 1)
        # Summed in logarithms: one minus the distribution function ends at rounding, 1e-13.
        tail = scipy.special.logsumexp(
            scipy.stats.betabinom.logpmf(reached, size, k, known - k + 1)
        )
        return float(np.clip(np.exp(tail), 1e-300, 1.0))

    def _threshold(self, ground: KnownGround, size: int, seed: int, contiguous: bool) -> float:
        generator = np.random.default_rng([seed, 1])
        splits = ground.quiet_splits(
            size,
            ground.neighbourhood_distance,
            self.splits,
            generator,
            contiguous,
        )
        shares = []
        for column in splits.T:
            outside, inside = ground.held_out(column)
            shares.append(float((outside > self._limit(inside)).mean()))
        quiet = float(np.quantile(shares, self.quiet_quantile))
        return max(quiet, self.usual_share + self.minimum_excess)
