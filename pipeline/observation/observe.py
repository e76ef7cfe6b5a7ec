"""Observation of the present: recent texts beside the champion's reference, as numbers."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, PairFacts, Quality, Sample, Space, Stability
from pipeline.observation.perturb import perturbed
from pipeline.store import Traffic
from training.encoding import Encoder
from training.pairs import Pair, normalised
from training.progress import Progress, no_progress
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Observe:
    """Choose the texts to look at, and turn them into what triggers may see.

    Examples
    --------
    >>> known = [Traffic(text=f"old question {number}") for number in range(300)]
    >>> fresh = [Traffic(text=f"new question {number}") for number in range(80)]
    >>> kept = Observe(reference=100).remember(known, fresh)
    >>> len(kept), sum(each.text.startswith("new") for each in kept)
    (100, 50)
    """

    window: int = Field(default=2000, ge=20)
    """Most recent texts that one look compares."""
    minimum_window: int = Field(default=200, ge=20)
    """Texts to which a shorter window is stretched back, never past what the champion learned."""
    long_window: int = Field(default=2000, ge=20)
    """Texts sampled over all that arrived since the champion learned, for slow drift."""
    reference: int = Field(default=2000, ge=50)
    """Texts that a version keeps as its reference."""
    probes: int = Field(default=32, ge=4)
    """Texts of the reference whose vectors are stored, to tell a swapped model."""
    perturbed: int = Field(default=0, ge=0)
    """Texts of either side that are encoded again with harmless changes, for `instability`; none
    by default, as each costs three more texts to encode. 200 are enough."""
    seed: int = 0
    """Seed of every sample and of the triggers' permutations."""

    def recent(self, since_learned: Sequence[Traffic], since_look: int) -> list[Traffic]:
        """Return the recent window out of the traffic since the champion learned, oldest first.

        Parameters
        ----------
        since_learned
            Traffic in the order of arrival.
        since_look
            How many of the last ones arrived since the last look.
        """
        wanted = max(min(since_look, self.window), self.minimum_window)
        return list(since_learned[-wanted:])

    def remember(self, known: Sequence[Traffic], fresh: Sequence[Traffic]) -> list[Traffic]:
        """Return the reference of a version that accepts fresh texts beside the known ones.

        When there are more texts than `reference`, the choice is by a seeded hash of the text, and
        what is chosen stays in its order of arrival. Fresh texts get up to half of the places, so
        that ground that was just learned counts as known.
        """
        if len(known) + len(fresh) <= self.reference:
            return [*known, *fresh]
        room = min(len(fresh), max(self.reference // 2, self.reference - len(known)))
        return [*self._choose(known, self.reference - room), *self._choose(fresh, room)]

    def probe_texts(self, reference: Sequence[Traffic]) -> list[str]:
        """Return the texts whose vectors identify the space."""
        return [each.text for each in self._choose(reference, self.probes)]

    def _choose(self, texts: Sequence[Traffic], count: int) -> list[Traffic]:
        return [texts[place] for place in self._places([each.text for each in texts], count)]

    def _places(self, texts: Sequence[str], count: int) -> list[int]:
        """Choose texts by a seeded hash and return their places, in order."""

        def priority(position: int) -> tuple[bytes, int]:
            content = f"{self.seed}\x1f{texts[position]}".encode("utf-8", "surrogatepass")
            return hashlib.sha256(content).digest(), position

        return sorted(sorted(range(len(texts)), key=priority)[:count])

    def look(
        self,
        encoder: Encoder,
        *,
        reference: Sequence[Traffic],
        recent: Sequence[Traffic],
        since_learned: Sequence[Traffic] = (),
        new_pairs: Sequence[Pair] = (),
        known_pairs: Sequence[Pair] = (),
        champion_age_days: float = 0.0,
        accepted_space: Space | None = None,
        probe_texts: Sequence[str] = (),
        quality: Mapping[str, Quality] | None = None,
        hit_rates: Mapping[str, tuple[float, ...]] | None = None,
        anchor_queries: Sequence[str] = (),
        refused_pairs: int = 0,
        generated_sources: Collection[str] = (),
        progress: Progress = no_progress,
    ) -> Observation:
        """Return what the triggers may see; each text is encoded once a model, ever.

        Parameters
        ----------
        encoder
            The champion's.
        reference, recent, since_learned
            Texts of the three spans; `since_learned` is sampled to `long_window`.
        new_pairs, known_pairs
            Labelled pairs not yet learned, and those of the memory.
        champion_age_days
            Days since the champion learned.
        accepted_space, probe_texts
            The space the champion was accepted with and the texts of its probes.
        quality
            The champion's scores then and now.
        hit_rates
            Hit rate of each golden set over the looks, oldest first.
        anchor_queries
            Queries of the anchor sets; scoring the champion has encoded them already.
        refused_pairs
            Records of pairs that went into quarantine since the last look.
        generated_sources
            Sources whose texts the system made itself.
        """
        spread = self._spread(since_learned, len(recent))
        spans = (reference, recent, spread)
        vectors = encoder.encode([each.text for span in spans for each in span], progress=progress)
        ends = np.cumsum([len(span) for span in spans])[:-1]
        samples = [
            _sample(encoder, span, part)
            for span, part in zip(spans, np.split(vectors, ends), strict=True)
        ]
        serving = Space(
            fingerprint=encoder.fingerprint,
            tokenizer=encoder.tokenizer,
            probes=encoder.encode(list(probe_texts)) if probe_texts else None,
        )
        return Observation(
            recent=samples[1],
            reference=samples[0],
            history=samples[2] if spread else None,
            new_pairs=len({normalised(f"{pair.query} {pair.positive}") for pair in new_pairs}),
            recent_stability=self._stability(encoder, samples[1]),
            reference_stability=self._stability(encoder, samples[0]),
            anchor_queries=(
                Sample(tuple(anchor_queries), encoder.encode(anchor_queries))
                if anchor_queries
                else None
            ),
            champion_age_days=champion_age_days,
            seed=self.seed,
            accepted_space=accepted_space,
            serving_space=serving if accepted_space else None,
            quality=quality or {},
            hit_rates=hit_rates or {},
            self_generated=(
                tuple(each.source in generated_sources for each in recent)
                if generated_sources
                else ()
            ),
            recent_pairs=_pair_facts(new_pairs, refused_pairs),
            reference_pairs=_pair_facts(known_pairs, 0),
        )

    def _stability(self, encoder: Encoder, sample: Sample) -> Stability | None:
        """Encode some distinct texts of a sample again, with changes that mean nothing."""
        if not self.perturbed or not len(sample):
            return None
        first: dict[str, int] = {}
        for row, text in enumerate(sample.texts):
            first.setdefault(text, row)
        chosen = self._places(list(first), self.perturbed)
        rows = np.array(list(first.values()), dtype=np.int64)[chosen]
        copies = [copy for row in rows for copy in perturbed(sample.texts[row])]
        vectors = encoder.encode(copies).reshape(len(rows), -1, sample.embeddings.shape[1])
        cosines = np.einsum("td,tcd->tc", sample.embeddings[rows], vectors, dtype=np.float64)
        return Stability(rows, cosines.mean(axis=1))

    def _spread(self, since_learned: Sequence[Traffic], recent: int) -> list[Traffic]:
        """Sample the long span evenly in time, when it is longer than the recent window."""
        if len(since_learned) <= recent:
            return []
        count = min(len(since_learned), self.long_window)
        positions = np.unique(np.linspace(0, len(since_learned) - 1, count).astype(int))
        return [since_learned[position] for position in positions]


def queries_as_traffic(pairs: Sequence[Pair]) -> list[Traffic]:
    """Return the queries of pairs as texts that the service saw."""
    return [
        Traffic(text=pair.query, id=pair.id, source=pair.source, timestamp=pair.timestamp)
        for pair in pairs
    ]


def _sample(encoder: Encoder, texts: Sequence[Traffic], embeddings: NDArray[np.float32]) -> Sample:
    plain = tuple(each.text for each in texts)
    times = [np.nan if each.timestamp is None else each.timestamp for each in texts]
    return Sample(
        texts=plain,
        embeddings=embeddings,
        sources=tuple(each.source for each in texts),
        timestamps=np.array(times, dtype=np.float64),
        words=encoder.words(plain),
    )


def _pair_facts(pairs: Sequence[Pair], refused: int) -> PairFacts | None:
    if not pairs:
        return None
    optional = {
        "negative": sum(not pair.negative for pair in pairs),
        "source": sum(not pair.source for pair in pairs),
        "timestamp": sum(pair.timestamp is None for pair in pairs),
    }
    missing = {column: count for column, count in optional.items() if count < len(pairs)}
    return PairFacts(
        pairs=tuple((pair.query, pair.positive) for pair in pairs),
        negatives=tuple((pair.query, pair.negative) for pair in pairs if pair.negative),
        sources=tuple(pair.source for pair in pairs),
        records=len(pairs) + refused,
        quarantined=refused,
        fields=frozenset({"query", "positive", *missing}),
        missing=missing,
    )
