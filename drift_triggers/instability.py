"""Embeddings of recent texts are unstable: small, harmless changes of a text move them far."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Sample, Signal, Stability
from drift_triggers.statistics.known_ground import KnownGround
from drift_triggers.statistics.two_sample import stratified_ranks

STRATA = 5


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Instability:
    """Fire when recent texts have less stable embeddings than reference texts of equal length.

    If the tokenizer splits the words of a text into many pieces, its embedding depends on each of
    them: one dropped or repeated word moves it far. ``Observation.recent_stability`` holds the
    cosines of texts with such copies of themselves, ``reference_stability`` those of reference
    texts that were changed in the same way. Short texts move farther than long ones, so each text
    is ranked among reference texts with about as many words (five strata). The effect must exceed
    what whole topics of the reference show against the rest.

    Notes
    -----
    The effect is twice the excess over one half of the probability that a recent text is less
    stable than a reference text of equal length, 0 to 1. Not measured when the stability of a side
    is missing or covers fewer than ``minimum_texts`` texts.

    References
    ----------
    Rank test within strata: van Elteren 1960.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Instability, Observation, Sample, Stability
    >>> rows = np.eye(200, dtype=np.float32)
    >>> texts = Sample(tuple(f"text {row}" for row in range(200)), rows)
    >>> noise, places = np.random.default_rng(0).normal(0, 0.02, (3, 200)), np.arange(200)
    >>> before, stable = (Stability(places, 0.9 + noise[side]) for side in (0, 1))
    >>> unstable = Stability(places, 0.8 + noise[2])
    >>> [Instability().check(Observation(texts, texts, recent_stability=now,
    ...  reference_stability=before)).fired for now in (unstable, stable)]
    [True, False]
    """

    name: ClassVar[str] = "instability"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; 0.001 occurs by chance in 1 of 1,000 windows without drift."""
    minimum_effect: float = Field(default=0.3, gt=0.0, lt=1.0)
    """Effect that must be exceeded, 0 to 1: a smaller instability does not matter."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of drift-free splits of the reference whose effect must be smaller, 0.5 to 1."""
    splits: int = Field(default=60, ge=20)
    """Number of drift-free splits of the reference; of 60, three lie above the 95 % quantile."""
    minimum_texts: int = Field(default=50, ge=20)
    """Changed texts that each side needs; with fewer, too few have the same length."""

    def check(self, observation: Observation) -> Signal:
        """Compare the stability of recent and reference embeddings."""
        now, before = observation.recent_stability, observation.reference_stability
        if now is None or before is None:
            return Signal.unmeasured(self.name, "no changed texts were encoded (observe.perturbed)")
        observation.require_texts()
        for side, values in (("recent", now.cosines), ("reference", before.cosines)):
            if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > 1.001:
                raise ValueError(f"{side}_stability.cosines must be numbers in [-1, 1]")
        fewest = min(len(now.rows), len(before.rows))
        if fewest < self.minimum_texts:
            return Signal.too_few(self.name, fewest, self.minimum_texts, "changed texts")
        known_size = _words(observation.reference, before)
        size = _words(observation.recent, now)
        # The smallest size opens the first stratum: each stratum contains reference texts.
        edges = np.unique(np.quantile(known_size, np.arange(1, STRATA) / STRATA))
        edges = edges[edges > known_size.min()]
        known_strata = np.searchsorted(edges, known_size, side="right")
        strata = np.searchsorted(edges, size, side="right")
        ranks, p_value = stratified_ranks(-before.cosines, known_strata, -now.cosines, strata)
        effect, p_value = _effect(ranks), max(p_value, 1e-300)
        threshold = max(
            self.minimum_effect,
            self._quiet(observation, before, known_strata, len(now.rows)),
        )
        fired = p_value <= self.significance and effect > threshold
        reason = (
            f"median cosine of a text with slightly changed copies "
            f"{np.median(before.cosines):.3f} -> {np.median(now.cosines):.3f} (effect "
            f"{effect:.2f} among texts of equal length, limit {threshold:.2f}; p = {p_value:.2g})"
        )
        least = now.rows[np.argsort(-ranks, kind="stable")[:5]]
        return Signal(
            self.name,
            fired,
            f"the embeddings became unstable: {reason}" if fired else reason,
            p_value=p_value,
            effect=effect,
            threshold=threshold,
            cause="vocabulary" if fired else None,
            examples=tuple(observation.recent.texts[row] for row in least),
        )

    def _quiet(
        self,
        observation: Observation,
        before: Stability,
        strata: NDArray[np.int64],
        size: int,
    ) -> float:
        ground = KnownGround(observation.reference.embeddings[before.rows])
        generator = np.random.default_rng([observation.seed, 8])
        effects = []
        for column in ground.quiet_splits(size, None, self.splits, generator).T:
            # A length that the rest of the reference lacks cannot be ranked.
            chosen = column & np.isin(strata, strata[~column])
            if chosen.any():
                ranks, _ = stratified_ranks(
                    -before.cosines[~column],
                    strata[~column],
                    -before.cosines[chosen],
                    strata[chosen],
                )
                effects.append(_effect(ranks))
        return float(np.quantile(effects, self.quiet_quantile))


def _words(sample: Sample, stability: Stability) -> NDArray[np.int64]:
    return np.array([len(sample.texts[row].split()) for row in stability.rows])


def _effect(ranks: NDArray[np.float64]) -> float:
    return max(0.0, 2.0 * float(ranks.mean()) - 1.0)
