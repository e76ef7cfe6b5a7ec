"""Observation of the present: recent data and the champion's reference, as triggers read them."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass as group
from dataclasses import field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from drift_triggers.form import KEPT, neighbours_kept, only_form_changed, undone
from drift_triggers.signal import Observation, PairFacts, Quality, Sample, Space, Stability
from pipeline.observation.served import Answered, served
from pipeline.store import Traffic
from training.encoding import Encoder
from training.pairs import Pair, normalised
from training.progress import Progress, no_progress
from training.settings import SETTINGS
from training.unlabelled import ServedQuery

Kept = TypeVar("Kept")


@group(frozen=True)
class Arrived:
    """What arrived since the champion was trained."""

    recent: Sequence[Traffic]
    """Texts of the recent window, oldest first."""
    spread: Sequence[Traffic] = ()
    """Texts spread over all since the champion was trained, oldest first; empty where the recent
    ones are all there are."""
    pairs: Sequence[Pair] = ()
    """Labelled pairs that the champion was not trained on, as far as a cycle uses them."""
    unused_pairs: int = 0
    """How many more of them there are."""
    refused_pairs: int = 0
    """Number of records of pairs that intake refused."""
    generated_sources: Collection[str] = ()
    """Sources whose texts the system wrote itself."""


@group(frozen=True)
class Accepted:
    """What the champion was accepted with."""

    reference: Sequence[Traffic]
    """Texts that represent the traffic at that time."""
    pairs: Sequence[Pair] = ()
    """Labelled pairs of its memory."""
    age_days: float = 0.0
    """Days since it was trained."""
    space: Space | None = None
    """Its embedding space, with the stored vectors of the probe texts."""
    probe_texts: Sequence[str] = ()
    """Texts whose vectors identify the space."""


@group(frozen=True)
class KnownQuality:
    """What is known of the champion's quality on the anchor sets."""

    scores: Mapping[str, Quality] = field(default_factory=dict)
    """Anchor set -> scores per query at acceptance and now."""
    hit_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Anchor set -> hit rate at each check, oldest first."""
    anchor_queries: Sequence[str] = ()
    """Queries of all anchor sets."""


@dataclass(frozen=True, config=SETTINGS)
class Observe:
    """Choose the texts to compare, and turn them into what triggers read.

    Examples
    --------
    >>> known = [Traffic(text=f"old question {number}") for number in range(300)]
    >>> fresh = [Traffic(text=f"new question {number}") for number in range(80)]
    >>> kept = Observe(reference=100).remember(known, fresh)
    >>> len(kept), sum(each.text.startswith("new") for each in kept)
    (100, 50)
    """

    window: int = Field(default=2000, ge=20)
    """Largest number of recent texts that a check compares."""
    minimum_window: int = Field(default=200, ge=20)
    """Number of texts to which a shorter window is extended back, up to the champion's training."""
    long_window: int = Field(default=2000, ge=20)
    """Number of texts sampled from all since the champion was trained, for `slow_drift`."""
    reference: int = Field(default=2000, ge=50)
    """Largest number of texts that a version keeps as its reference."""
    probes: int = Field(default=32, ge=4)
    """Number of reference texts whose stored vectors reveal a changed model."""
    perturbed: int = Field(default=0, ge=0)
    """Number of texts per side to encode again with harmless changes, for `instability`; 0 turns it
    off. Each costs three more texts to encode; 200 are enough."""
    seed: int = 0
    """Seed of every sample and of the permutations of the triggers."""

    def recent(self, since_learned: Sequence[Kept], since_check: int) -> list[Kept]:
        """Return the recent window of what arrived since the champion was trained, oldest first.

        Parameters
        ----------
        since_learned
            Texts of the traffic, or lines of the served log, in the order of arrival.
        since_check
            How many of them, the last ones, arrived since the last check.
        """
        return list(since_learned[-self.newest(since_check) :])

    def newest(self, since_check: int) -> int:
        """Return how many of the newest texts the recent window has, at most.

        Parameters
        ----------
        since_check
            How many texts arrived since the last check.
        """
        return max(min(since_check, self.window), self.minimum_window)

    def spread(self, since_learned: int, recent: int) -> int:
        """Return how many texts, spread evenly over the time since the training, are compared.

        Parameters
        ----------
        since_learned
            How many texts arrived since the champion was trained.
        recent
            How many of them are in the recent window; where these are all, no others are compared.
        """
        return min(since_learned, self.long_window) if since_learned > recent else 0

    def remember(self, known: Sequence[Traffic], fresh: Sequence[Traffic]) -> list[Traffic]:
        """Return the reference of a version that accepts fresh texts in addition to the known ones.

        If there are more texts than `reference`, a seeded hash of the text decides, and the chosen
        texts stay in their order of arrival. Fresh texts get up to half of the places, so that
        topics that were just learned count as known.
        """
        if len(known) + len(fresh) <= self.reference:
            return [*known, *fresh]
        room = min(len(fresh), max(self.reference // 2, self.reference - len(known)))
        return [*self._choose(known, self.reference - room), *self._choose(fresh, room)]

    def extend(self, known: Sequence[Traffic], added: Sequence[Traffic]) -> list[Traffic]:
        """Return a reference with texts of the quiet past that were added; none is repeated.

        A text may have been stored before the version that knows it, and yet behind its cut.
        """
        there = set(known)
        return self.remember(known, [each for each in added if each not in there])

    def probe_texts(self, reference: Sequence[Traffic]) -> list[str]:
        """Return the texts whose vectors identify the embedding space."""
        return [each.text for each in self._choose(reference, self.probes)]

    def _choose(self, texts: Sequence[Traffic], count: int) -> list[Traffic]:
        return [texts[place] for place in self._places([each.text for each in texts], count)]

    def _places(self, texts: Sequence[str], count: int) -> list[int]:
        """Choose texts by a seeded hash, and return their places in order."""

        def priority(position: int) -> tuple[bytes, int]:
            content = f"{self.seed}\x1f{texts[position]}".encode("utf-8", "surrogatepass")
            return hashlib.sha256(content).digest(), position

        return sorted(sorted(range(len(texts)), key=priority)[:count])

    def observation(
        self,
        encoder: Encoder,
        arrived: Arrived,
        accepted: Accepted,
        quality: KnownQuality | None = None,
        answered: Answered | None = None,
        *,
        progress: Progress = no_progress,
    ) -> Observation:
        """Return what the triggers read. A model encodes each text only once, ever.

        Parameters
        ----------
        encoder
            The champion's encoder.
        arrived
            What arrived since the champion was trained.
        accepted
            What the champion was accepted with.
        quality
            What is known of its quality; None when nothing is.
        answered
            What the service answered, as its log tells; None where there is no log.
        progress
            Where to show how many texts are encoded.
        """
        quality = quality or KnownQuality()
        spans = (accepted.reference, arrived.recent, arrived.spread)
        vectors = _encoded(encoder, [[each.text for each in span] for span in spans], progress)
        reference, recent, history = (
            _sample(encoder, span, part) for span, part in zip(spans, vectors, strict=True)
        )
        stability = [self._stability(encoder, sample) for sample in (recent, reference)]
        kept = None
        if only_form_changed(recent.texts, reference.texts):
            plain = _plain(encoder, (reference, recent, history), progress)
            kept = neighbours_kept(
                (reference.embeddings, plain[0].embeddings),
                (recent.embeddings, plain[1].embeddings),
            )
            if kept >= KEPT:
                reference, recent, history = plain
            else:
                kept = None
        anchors = tuple(quality.anchor_queries)
        answered = answered or Answered()
        before, recently = (
            served(encoder, lines, answered.documents, progress) if lines else None
            for lines in (answered.before, answered.recent)
        )
        return Observation(
            recent=recent,
            reference=reference,
            history=history if arrived.spread else None,
            new_pairs=arrived.unused_pairs
            + len({normalised(f"{pair.query} {pair.positive}") for pair in arrived.pairs}),
            recent_stability=stability[0],
            reference_stability=stability[1],
            form_kept=kept,
            # Scoring the champion has encoded the queries already.
            anchor_queries=Sample(anchors, encoder.unit_vectors(anchors)) if anchors else None,
            champion_age_days=accepted.age_days,
            seed=self.seed,
            accepted_space=accepted.space,
            serving_space=_serving_space(encoder, accepted) if accepted.space else None,
            quality=quality.scores,
            hit_rates=quality.hit_rates,
            self_generated=(
                tuple(each.source in arrived.generated_sources for each in arrived.recent)
                if arrived.generated_sources
                else ()
            ),
            served_before=before,
            served_recently=recently,
            own_answers=answered.answers,
            new_documents=answered.new_documents,
            recent_pairs=_pair_facts(arrived.pairs, arrived.refused_pairs),
            reference_pairs=_pair_facts(accepted.pairs, 0),
        )

    def _stability(self, encoder: Encoder, sample: Sample) -> Stability | None:
        """Encode some distinct texts of a sample again, with changes that keep their meaning."""
        if not self.perturbed or not len(sample):
            return None
        first: dict[str, int] = {}
        for row, text in enumerate(sample.texts):
            first.setdefault(text, row)
        chosen = self._places(list(first), self.perturbed)
        rows = np.array(list(first.values()), dtype=np.int64)[chosen]
        copies = [copy for row in rows for copy in changed_copies(sample.texts[row])]
        vectors = encoder.unit_vectors(copies).reshape(len(rows), -1, sample.embeddings.shape[1])
        cosines = np.einsum("td,tcd->tc", sample.embeddings[rows], vectors, dtype=np.float64)
        return Stability(rows, cosines.mean(axis=1))


def queries_as_traffic(pairs: Sequence[Pair]) -> list[Traffic]:
    """Return the queries of pairs as texts that the service received."""
    return [
        Traffic(text=pair.query, id=pair.id, source=pair.source, timestamp=pair.timestamp)
        for pair in pairs
    ]


def served_as_traffic(lines: Sequence[ServedQuery]) -> list[Traffic]:
    """Return the queries of served lines as texts that the service received."""
    return [
        Traffic(each.query, each.id, each.source, each.timestamp, each.session, each.user)
        for each in lines
    ]


def changed_copies(text: str) -> tuple[str, str, str]:
    """Return copies of a text: one word dropped, one repeated, and lower case with wide spaces.

    A hash of the text chooses the words, so that a text always gets the same copies. A text of one
    word keeps it; an empty text is returned as it is.

    Examples
    --------
    >>> changed_copies("Where is my Card")
    ('Where is my', 'Where is is my Card', 'where  is  my  card')
    """
    words = text.split()
    if not words:
        return text, text, text
    chosen = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
    drop, double = chosen % len(words), (chosen // len(words)) % len(words)
    dropped = [*words[:drop], *words[drop + 1 :]] or words
    doubled = [*words[: double + 1], *words[double:]]
    return " ".join(dropped), " ".join(doubled), "  ".join(word.lower() for word in words)


def _serving_space(encoder: Encoder, accepted: Accepted) -> Space:
    probes = encoder.unit_vectors(list(accepted.probe_texts)) if accepted.probe_texts else None
    return Space(fingerprint=encoder.fingerprint, tokenizer=encoder.tokenizer, probes=probes)


def _encoded(
    encoder: Encoder, parts: Sequence[Sequence[str]], progress: Progress
) -> list[NDArray[np.float32]]:
    """Return the unit vectors of the texts of each part, all encoded together."""
    vectors = encoder.unit_vectors([text for part in parts for text in part], progress=progress)
    return np.split(vectors, np.cumsum([len(part) for part in parts])[:-1])


def _sample(encoder: Encoder, texts: Sequence[Traffic], embeddings: NDArray[np.float32]) -> Sample:
    plain = tuple(each.text for each in texts)
    times = [np.nan if each.timestamp is None else each.timestamp for each in texts]
    return Sample(
        texts=plain,
        embeddings=embeddings,
        sources=tuple(each.source for each in texts),
        timestamps=np.array(times, dtype=np.float64),
        words=encoder.words(plain),
        sessions=_known([each.session for each in texts]),
        users=_known([each.user for each in texts]),
    )


def _known(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names; nothing when none is known."""
    return tuple(names) if any(names) else ()


def _plain(
    encoder: Encoder, samples: Sequence[Sample], progress: Progress
) -> tuple[Sample, Sample, Sample]:
    """Return samples with the embeddings and words that their texts have without their form."""
    texts = [[undone(text) for text in sample.texts] for sample in samples]
    vectors = _encoded(encoder, texts, progress)
    first, second, third = (
        replace(sample, embeddings=part, words=encoder.words(tuple(plain)))
        for sample, plain, part in zip(samples, texts, vectors, strict=True)
    )
    return first, second, third


def _pair_facts(pairs: Sequence[Pair], refused: int) -> PairFacts | None:
    if not pairs and not refused:
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
        # Refused records tell nothing of the columns.
        fields=frozenset({"query", "positive", *missing}) if pairs else frozenset(),
        missing=missing,
    )
