"""Too many recent texts are far from everything in the reference."""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.statistics.dependence import Dependence, Scatter, farther_than_usual
from drift_triggers.statistics.known_ground import KnownGround, Regions
from drift_triggers.statistics.view import View, most_repeated

SCATTER = 1.25
"""Largest ratio of the variance of the number of far texts to that of independent texts, in
windows of 100 to 1,000 texts without drift (benchmarks/detection.py, validity)."""


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class OutOfDistribution:
    """Fire on new topics: recent texts far from everything in the reference.

    The distance of a text is the mean cosine distance to its five nearest reference texts. The
    reference's own texts, each against the others, show which distance is unusual: a tenth of them
    is far. If nothing changed, the number of far recent texts follows a beta-binomial law (the
    limit is itself estimated from the reference), which gives the p-value. Counts are first divided
    by 1.25, because distances that share neighbours scatter a little more, or by what texts of the
    same session and whole days of the reference show. Texts of one session are no neighbours.

    A small p-value alone does not fire. The share must also exceed what other topics of the same
    kind reach (whole topics of the reference held out, also contiguous stretches when texts come in
    bursts or days differ), and the texts must be far for the region of the reference that they
    belong to, on average or more of them than usual in the upper tenth of their region. More
    texts from a sparse but known region are a change of mix, not a new topic. Repetitions count
    once.

    Notes
    -----
    The effect is the share of far recent texts, 0 to 1. Not measured when a side has fewer than
    ``minimum_texts`` distinct texts.

    References
    ----------
    Distances to neighbours as out-of-distribution score: Sun et al. 2022 (arXiv 2204.06507).

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, OutOfDistribution, Sample
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
    """Largest p-value that may fire; 0.001 occurs by chance in 1 of 1,000 windows without drift."""
    usual_share: float = Field(default=0.1, gt=0.0, lt=0.5)
    """Share of the reference that counts as far, 0 to 0.5."""
    minimum_excess: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Excess over ``usual_share`` that the share of far recent texts needs, 0 to 1: less is not
    worth a training."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of drift-free splits of the reference that must have fewer far texts, 0.5 to 1."""
    splits: int = Field(default=60, ge=20)
    """Number of drift-free splits of the reference; of 60, three lie above the 95 % quantile."""
    local_significance: float = Field(default=0.01, gt=0.0, lt=0.5)
    """Largest p-value of "farther than usual for the region" that may fire: a second test."""
    texts_in_region: int = Field(default=25, ge=5)
    """Average number of reference texts per region: enough to rank a text to a twentieth."""
    minimum_texts: int = Field(default=20, ge=10)
    """Distinct texts that each side needs; with fewer, a half new window is not significant."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare the distances of the recent texts with those within the reference."""
        observation.require_texts()
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        fewest = min(recent.distinct, reference.distinct)
        if fewest < self.minimum_texts:
            return Signal.too_few(self.name, fewest, self.minimum_texts, "distinct texts")
        dependence = Dependence.of(recent, reference)
        ground = dependence.ground
        count, known = len(recent.rows), len(reference.rows)
        novelty = recent.novelty(reference)
        limit = self._limit(ground.own)
        far = novelty > limit
        share = float(far.mean())
        scatter = dependence.scatter(ground.own > limit, far, SCATTER)
        p_value = self._p_value(int(far.sum()), count, known, scatter)
        regions = ground.regions(recent.embeddings, self.texts_in_region, observation.seed)
        local_p_value = min(
            farther_than_usual(dependence, regions),
            self._regional_p_value(dependence, regions),
        )
        threshold = self._threshold(ground, count, observation.seed, dependence.past_windows)
        convincing = p_value <= self.significance and share > threshold
        fired = convincing and local_p_value <= self.local_significance
        reason = (
            f"{share:.0%} of {recent} distinct recent texts are farther from the {reference} "
            f"reference texts than {1 - self.usual_share:.0%} of these are from one another "
            f"(limit {threshold:.0%}, p = {p_value:.2g}); "
            f"{(ground.confidence(novelty) <= 0.01).mean():.0%} are new with 99% confidence, "
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
            return replace(signal, cause="concept", reason=f"new topics: {reason}")
        if convincing:
            return replace(signal, reason=f"only the mix of known topics changed: {reason}")
        text, repeated = most_repeated(observation.recent.texts)
        if repeated >= 0.1:
            note = f"; {repeated:.0%} of the texts repeat {text[:60]!r}, which counts once"
            return replace(signal, reason=reason + note)
        return signal

    def _limit(self, own: NDArray[np.float64]) -> float:
        beyond = max(1, int(self.usual_share * len(own)))
        return float(np.sort(own)[-beyond - 1])

    def _p_value(self, beyond: int, recent: int, reference: int, scatter: Scatter) -> float:
        # The limit is the k-th largest of n own distances. A new text is beyond it with a
        # probability that follows Beta(k, n - k + 1), so the count of many is beta-binomial. Texts
        # that scatter together count as fewer, on both sides.
        known = max(2, int(reference * SCATTER / scatter.ratio))
        k = max(1, int(self.usual_share * known)) + 1
        size = max(1, int(recent / scatter.ratio))
        reached = np.arange(min(int(beyond / scatter.ratio), size), size + 1)
        # Summed in logarithms: one minus the distribution function cannot go below 1e-13.
        tail = scipy.special.logsumexp(
            scipy.stats.betabinom.logpmf(reached, size, k, known - k + 1)
        )
        p_value = float(np.clip(np.exp(tail), 1e-300, 1.0))
        if math.isinf(scatter.freedom):
            return p_value
        return scatter.tail(float(scipy.stats.norm.isf(p_value)))

    def _regional_p_value(self, dependence: Dependence, regions: Regions) -> float:
        """Return the p-value of "more texts than usual are far even for their regions".

        A few new texts among many known ones hardly move the mean rank, but they all rank highest.
        """
        ground, novelty = dependence.ground, dependence.recent.novelty(dependence.reference)
        ranks, _ = ground.regional_ranks(novelty, regions)
        own, _ = ground.regional_ranks(ground.own, replace(regions, other=regions.own))
        far, known = ranks > 1.0 - self.usual_share, own > 1.0 - self.usual_share
        texts = np.bincount(regions.own)
        expected = (np.bincount(regions.own, known) + 1.0) / (texts + 1.0)
        chance: NDArray[np.float64] = expected[regions.other]
        left: NDArray[np.float64] = far - chance
        scatter = dependence.scatter(known - expected[regions.own], left, SCATTER)
        # The share that is usual in a region is itself estimated from its texts.
        counts = np.bincount(regions.other, minlength=len(texts))
        worth = 1.0 + (counts / (texts + 1.0))[regions.other]
        spread = float((chance * (1.0 - chance) * worth).sum())
        return scatter.p_value(float(left.sum()) / math.sqrt(spread))

    def _threshold(
        self, ground: KnownGround, size: int, seed: int, past: NDArray[np.bool_] | None
    ) -> float:
        key = (self, size, seed, past is None)
        if key not in ground.remembered:
            generator = np.random.default_rng([seed, 1])
            splits = ground.quiet_splits(
                size, ground.neighbourhood_distance, self.splits, generator, past
            )
            shares: list[float] = []
            for column in splits.T:
                outside, inside = ground.held_out(column)
                shares.append(float((outside > self._limit(inside)).mean()))
            ground.remembered[key] = float(np.quantile(shares, self.quiet_quantile))
        quiet = ground.remembered[key]
        return max(quiet, self.usual_share + self.minimum_excess)
