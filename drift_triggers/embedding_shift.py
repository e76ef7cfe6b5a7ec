"""Recent embeddings no longer follow the distribution of the reference."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.statistics.dependence import Dependence, farther_than_usual
from drift_triggers.statistics.geometry import Geometry
from drift_triggers.statistics.two_sample import (
    discrepancies,
    kernel_two_sample,
    permuted_labels,
    rbf_kernel,
)
from drift_triggers.statistics.view import View, most_repeated


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class EmbeddingShift:
    """Fire when the distribution of embeddings shifted and the mix of known topics is not why.

    The statistic is the maximum mean discrepancy with three Gaussian kernels. It is tested twice,
    and the larger p-value counts: once with labels permuted in whole sessions, or stretches longer
    than texts depend on one another, once with labels permuted only within regions of the
    reference. The second test does not react to a change of mix over these regions. Repetitions
    count once.

    Beyond the p-value, the discrepancy must exceed what whole topics of the reference show against
    the rest, and the texts must be farther from the reference than usual for their region.
    Otherwise the reason says that only the mix of known topics changed: the champion knows these
    topics, and training can wait.

    Notes
    -----
    The effect is the square root of the squared discrepancy, 0 (alike) to about 1 (no overlap).
    Not measured when a side has fewer than ``minimum_texts`` distinct texts.

    References
    ----------
    Discrepancy: Gretton et al. 2012, "A kernel two-sample test". Test within a context: Cobb and
    Van Looveren 2022, "Context-aware drift detection".

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import EmbeddingShift, Observation, Sample
    >>> def sample(seed, centre):
    ...     rows = np.random.default_rng(seed).normal(centre, 1.0, (200, 8))
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = tuple(f"text {seed} {row}" for row in range(200))
    ...     return Sample(texts, rows.astype(np.float32))
    >>> trigger = EmbeddingShift(permutations=200)
    >>> trigger.check(Observation(sample(1, 0.0), sample(2, 1.5))).fired
    True
    >>> trigger.check(Observation(sample(3, 1.5), sample(2, 1.5))).fired
    False
    """

    name: ClassVar[str] = "embedding_shift"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; 0.001 occurs by chance in 1 of 1,000 windows without drift."""
    permutations: int = Field(default=1000, ge=99)
    """Random labellings per test; 1,000 resolve p-values down to ``significance``."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of drift-free splits of the reference whose discrepancy must be smaller, 0.5 to 1."""
    splits: int = Field(default=100, ge=20)
    """Number of drift-free splits of the reference; of 100, five lie above the 95 % quantile."""
    minimum_effect: float = Field(default=0.03, ge=0.0)
    """Discrepancy that must be exceeded, 0 to about 1 (no overlap): a smaller one is not worth a
    training, however significant."""
    local_significance: float = Field(default=0.01, gt=0.0, lt=0.5)
    """Largest p-value of "farther than usual for the region" that may fire: a second test."""
    texts_in_region: int = Field(default=25, ge=5)
    """Average number of reference texts per region: enough to rank a text to a twentieth."""
    minimum_texts: int = Field(default=20, ge=10)
    """Distinct texts that each side needs; fewer cannot show a window that is half new."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Test the recent embeddings against those of the reference."""
        observation.require_texts()
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        fewest = min(recent.distinct, reference.distinct)
        if fewest < self.minimum_texts:
            return Signal.too_few(self.name, fewest, self.minimum_texts, "distinct texts")
        generator = np.random.default_rng([observation.seed, 2])
        pooled = np.vstack([reference.embeddings, recent.embeddings])
        labels = np.arange(len(pooled)) >= len(reference.rows)
        kernel = rbf_kernel(pooled)
        dependence = Dependence.of(recent, reference)
        groups = dependence.pooled_groups
        density = kernel_two_sample(
            kernel, labels, permuted_labels(generator, labels, self.permutations, groups=groups)
        )
        splits = dependence.ground.quiet_splits(
            len(recent.rows),
            None,
            self.splits,
            np.random.default_rng([observation.seed, 3]),
            dependence.past_windows,
        )
        threshold = self._threshold(
            splits, kernel, len(recent.rows), np.random.default_rng([observation.seed, 9])
        )
        # The three kernels sum to three at distance 0: divided, the discrepancy reaches about 1.
        effect = float(np.sqrt(max(0.0, density.statistic) / 3.0))
        p_value = density.tail_p_value
        reason = (
            f"discrepancy {effect:.3f} between {recent} recent and {reference} reference texts "
            f"(limit {threshold:.3f}; p = {p_value:.2g}); "
            f"{Geometry.of(reference.embeddings, recent.embeddings)}"
        )
        fired = moved = p_value <= self.significance and effect > threshold
        if moved:
            regions = dependence.ground.regions(
                recent.embeddings, self.texts_in_region, observation.seed
            )
            strata = np.concatenate([regions.own, regions.other])
            within = kernel_two_sample(
                kernel,
                labels,
                permuted_labels(generator, labels, self.permutations, groups=groups, strata=strata),
            ).tail_p_value
            farther = farther_than_usual(dependence, regions)
            fired = within <= self.significance and farther <= self.local_significance
            p_value = max(p_value, within)
            if dependence.dependent:
                # The mix of topics of real days differs: only "farther than usual" is evidence.
                p_value = max(p_value, farther)
            told = "the embeddings shifted" if fired else "only the mix of known topics changed"
            reason = f"{told} (p = {within:.2g} within regions of the reference): {reason}"
        text, repeated = most_repeated(observation.recent.texts)
        if repeated >= 0.1:
            reason += f"; {repeated:.0%} of the texts repeat {text[:60]!r}, which counts once"
        return Signal(
            self.name,
            fired,
            reason,
            p_value=p_value,
            effect=effect,
            threshold=threshold,
            cause="concept" if fired else None,
            examples=self._examples(observation, recent, kernel),
        )

    def _threshold(
        self,
        splits: NDArray[np.bool_],
        kernel: NDArray[np.float32],
        size: int,
        generator: np.random.Generator,
    ) -> float:
        known = len(splits)
        own = kernel[:known, :known]
        quiet = float(
            np.quantile(discrepancies(own, splits.astype(np.float32)), self.quiet_quantile)
        )
        # Both parts of a split are smaller than the samples that are compared, and scatter more.
        # That part of the discrepancy, which random splits show too, is proportional to the sum of
        # 1 / size; what topics and days differ by does not depend on the size.
        taken = int(np.median(splits.sum(axis=0)))
        random = permuted_labels(generator, np.arange(known) < taken, self.splits)
        chance = float(np.quantile(discrepancies(own, random), self.quiet_quantile))
        smaller = (1.0 / size + 1.0 / known) / (1.0 / taken + 1.0 / (known - taken))
        quiet -= max(0.0, min(quiet, chance)) * (1.0 - min(1.0, smaller))
        return max(self.minimum_effect, float(np.sqrt(max(0.0, quiet) / 3.0)))

    def _examples(
        self, observation: Observation, recent: View, kernel: NDArray[np.float32]
    ) -> tuple[str, ...]:
        # The witness function: where the recent density exceeds that of the reference most.
        known = len(kernel) - len(recent.rows)
        witness = kernel[known:, known:].mean(axis=1) - kernel[known:, :known].mean(axis=1)
        most = np.argsort(-witness, kind="stable")[:5]
        return tuple(observation.recent.texts[recent.rows[row]] for row in most)
