"""Embeddings of recent texts that are unsteady: small, harmless changes of a text move them far."""

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
    """Fire when recent texts have less steady embeddings than reference texts of their length.

    A text whose words the tokenizer shatters gets an embedding that hangs on every piece: one word
    dropped or doubled moves it far. ``Observation.recent_stability`` holds the cosines of texts
    with such copies of themselves, ``reference_stability`` those of the reference, changed in the
    same way. Short texts move farther than long ones, so that each text is ranked among
    reference texts with about as many words (five strata). The effect is the chance that a recent
    text is less steady than a reference text of its length, above one half, doubled (0 to 1); it
    must exceed what whole topics of the reference show against the rest.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample, Stability
    >>> generator = np.random.default_rng(0)
    >>> rows = generator.normal(size=(200, 8))
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> texts = Sample(tuple(f"text {row}" for row in range(200)), rows.astype(np.float32))
    >>> def steady(cosine):
    ...     return Stability(np.arange(200), generator.normal(cosine, 0.02, 200).clip(-1, 1))
    >>> before, now = steady(0.95), steady(0.85)
    >>> seen = Observation(texts, texts, recent_stability=now, reference_stability=before)
    >>> Instability().check(seen).fired
    True
    """

    name: ClassVar[str] = "instability"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value that may fire; one chance hit in 1,000 quiet windows, before the effect."""
    minimum_effect: float = Field(default=0.3, gt=0.0, lt=1.0)
    """Effect below which unsteadiness does not matter: three texts in ten out of order."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of the quiet splits of the reference that must stay below the observed effect."""
    splits: int = Field(default=60, ge=20)
    """Quiet splits of the reference; 60 leave three above the 95 % quantile."""
    minimum_texts: int = Field(default=50, ge=20)
    """Texts needed on either side; fewer leave too few of one length to rank a text among."""

    def check(self, observation: Observation) -> Signal:
        """Compare how steady recent and reference embeddings are."""
        now, before = observation.recent_stability, observation.reference_stability
        if now is None or before is None:
            told = "nothing to look at: no texts were changed (observe.perturbed is 0)"
            return Signal(self.name, False, told)
        observation.require_texts()
        for side, values in (("recent", now.cosines), ("reference", before.cosines)):
            if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > 1.001:
                raise ValueError(f"{side}_stability.cosines must be numbers in [-1, 1]")
        fewest = min(len(now.rows), len(before.rows))
        if fewest < self.minimum_texts:
            return Signal(self.name, False, f"not enough texts: {fewest} < {self.minimum_texts}")
        known_size = _words(observation.reference, before)
        size = _words(observation.recent, now)
        # The smallest size opens the first stratum: no stratum is without reference texts.
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
            f"median cosine of a text with itself, a word dropped or doubled, "
            f"{np.median(before.cosines):.3f} -> {np.median(now.cosines):.3f} (effect "
            f"{effect:.2f} among texts of one length, quiet data reach {threshold:.2f}; "
            f"p = {p_value:.2g})"
        )
        least = now.rows[np.argsort(-ranks, kind="stable")[:5]]
        return Signal(
            self.name,
            fired,
            f"the embeddings became unsteady: {reason}" if fired else reason,
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
            # A length that the rest of the reference lacks has nothing to be ranked among.
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
