"""What a trigger may look at (Observation) and what it answers (Signal)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Word = tuple[str, int, bool]


@dataclass(frozen=True, eq=False)
class Sample:
    """Texts beside their embeddings and facts, row by row. Equal only to itself.

    Raises ``ValueError`` when columns differ in length or an embedding is not finite. An empty
    sample is allowed here; the trigger that cannot work with it says so.
    """

    texts: tuple[str, ...]
    """The texts as the service saw them, oldest first."""
    embeddings: NDArray[np.float32]
    """One row of unit length for each text, shape ``(texts, dimensions)``."""
    sources: tuple[str, ...] = ()
    """Where each text came from ("" unknown); empty when no source is known at all."""
    timestamps: NDArray[np.float64] | None = None
    """Seconds since the epoch for each text, ``nan`` where unknown."""
    words: tuple[tuple[Word, ...], ...] | None = None
    """For each text: (word, pieces the tokenizer cuts it into, whether one is unknown)."""

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together and embeddings that are not numbers."""
        count = len(self.texts)
        if self.embeddings.ndim != 2 or len(self.embeddings) != count:
            raise ValueError(
                f"embeddings must have one row for each of the {count} texts, "
                f"got shape {self.embeddings.shape}"
            )
        # Row sums show NaN and infinity without a mask as large as the embeddings.
        broken = np.flatnonzero(~np.isfinite(self.embeddings.sum(axis=1)))
        if len(broken):
            bad = int(broken[0])
            raise ValueError(
                f"embeddings must be finite, got NaN or infinity in row {bad}: "
                f"{self.texts[bad][:60]!r}"
            )
        for name in ("sources", "timestamps", "words"):
            column = getattr(self, name)
            if name == "sources" and not column:
                continue
            if column is not None and len(column) != count:
                raise ValueError(f"{name} must have {count} entries, got {len(column)}")

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)


@dataclass(frozen=True)
class Space:
    """Identity of an embedding space and where it puts a few stored probe texts."""

    fingerprint: str
    """Identity of weights, tokenizer, pooling, normalisation, prompts and length; "" unknown."""
    tokenizer: str = ""
    """Identity of the tokenizer alone; "" unknown."""
    probes: NDArray[np.float32] | None = None
    """Unit vectors of the stored probe texts, shape ``(probes, dimensions)``, in a fixed order."""


@dataclass(frozen=True)
class Stability:
    """How far embeddings move when their texts change in a way that means nothing."""

    rows: NDArray[np.int64]
    """Rows of the sample whose texts were changed and encoded again."""
    cosines: NDArray[np.float64]
    """Mean cosine of each of those texts with its changed copies, one for each of ``rows``."""


@dataclass(frozen=True)
class Served:
    """What the service answered over one span of time."""

    cosines: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Cosine of each query with the best document that was returned, one for each query."""
    documents: tuple[str, ...] = ()
    """Identifier of each document returned, one entry a time it was returned."""


@dataclass(frozen=True)
class Quality:
    """Per-query scores of the champion on one task, then and now."""

    accepted: NDArray[np.float64]
    """Scores when the champion was accepted, one for each query, in [0, 1]."""
    now: NDArray[np.float64]
    """Scores now; the same queries in the same order when ``paired``."""
    paired: bool = True
    """True for a golden set scored twice, False for old against recently labelled queries."""
    queries: tuple[str, ...] = ()
    """Texts of the queries of ``now``, to show those that lost most; may be empty."""


@dataclass(frozen=True)
class PairFacts:
    """Facts about the labelled pairs and records that arrived since the champion learned."""

    pairs: tuple[tuple[str, str], ...] = ()
    """(query, positive) of each stored pair that is not yet learned."""
    negatives: tuple[tuple[str, str], ...] = ()
    """(query, negative) of those pairs that name a negative."""
    sources: tuple[str, ...] = ()
    """Source of each pair, or empty when none is known."""
    records: int = 0
    """Records read, of every kind, good or bad."""
    quarantined: int = 0
    """Records refused at intake."""
    fields: frozenset[str] = frozenset()
    """Names of the columns that at least one record fills; empty when unknown."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Column -> records that lack it."""


@dataclass(frozen=True)
class Observation:
    """All that a trigger may look at: recent beside reference, as arrays and numbers.

    Only ``recent`` and ``reference`` must be given. Each other field is neutral by default: the
    triggers that read it answer quietly that there is nothing to look at.
    """

    recent: Sample
    """Texts that arrived since the last look."""
    reference: Sample
    """Texts that the champion was accepted on."""
    new_pairs: int = 0
    """Labelled pairs that arrived and are not yet learned."""
    champion_age_days: float = 0.0
    """Days since the champion learned (its promotion or first registration)."""
    seed: int = 0
    """Seed of every random choice, so that the same observation gives the same signals."""
    history: Sample | None = None
    """Texts of many past windows up to now (the long window), for slow drift."""
    recent_stability: Stability | None = None
    """How stable the embeddings of some recent texts are."""
    reference_stability: Stability | None = None
    """The same of some reference texts, changed in the same way."""
    anchor_queries: Sample | None = None
    """Queries of the anchor sets, to show which of them lie nearest to new ground."""
    accepted_space: Space | None = None
    """The space the champion was accepted with: fingerprint and stored probe vectors."""
    serving_space: Space | None = None
    """The space in use now: its fingerprint and fresh vectors of the same probe texts."""
    index_fingerprints: tuple[str, ...] = ()
    """Fingerprints stamped on the vectors of the index that is being searched."""
    served_before: Served | None = None
    """Answers of the service in the span the reference stands for."""
    served_recently: Served | None = None
    """Answers of the service to recent traffic."""
    quality: Mapping[str, Quality] = field(default_factory=dict)
    """Task name -> the champion's scores when it was accepted and now."""
    hit_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Golden set -> hit rate at each past look, oldest first (for the reason only)."""
    self_generated: tuple[bool, ...] = ()
    """For each recent text, whether the system itself wrote it; empty when unknown."""
    own_answers: tuple[str, ...] = ()
    """Texts that the system gave out in the past, to find them again among its input."""
    recent_pairs: PairFacts | None = None
    """Facts about the records that arrived since the champion learned."""
    reference_pairs: PairFacts | None = None
    """The same facts about the history that the champion was trained on."""

    def require_texts(self) -> None:
        """Raise ``ValueError`` when either sample is empty or their dimensions differ."""
        for name, sample in (("recent", self.recent), ("reference", self.reference)):
            if not len(sample):
                raise ValueError(f"{name} must hold at least one text, got none")
        recent, reference = self.recent.embeddings.shape[1], self.reference.embeddings.shape[1]
        if recent != reference:
            raise ValueError(
                f"recent and reference must come from one encoder, got {recent} and {reference} "
                "dimensions"
            )


@dataclass(frozen=True)
class Signal:
    """What one trigger saw. For every number of it, higher means more drift."""

    trigger: str
    """Name of the trigger."""
    fired: bool
    """Whether the trigger calls for training (or, for a guard, for a stop)."""
    reason: str
    """One or two sentences with the figures; never empty, also when quiet."""
    p_value: float | None = None
    """Chance of at least this much under "nothing changed"; None for schedules and identities."""
    effect: float | None = None
    """Size of the change in the trigger's own unit."""
    threshold: float | None = None
    """The effect that quiet data may reach; fired needs more."""
    cause: str | None = None
    """Cause the trigger points to when it fired (see ``drift_triggers.cause``)."""
    examples: tuple[str, ...] = ()
    """Texts, terms or queries that carry the change."""
    blocks: bool = False
    """True when training must not start until somebody has looked."""


@runtime_checkable
class Trigger(Protocol):
    """The plug-in point: anything with a name and one verb.

    ``check`` must be pure and deterministic, and raise ``ValueError`` for input it cannot read.
    """

    name: ClassVar[str]

    def check(self, observation: Observation) -> Signal:
        """Look at the observation and say what was seen."""
        ...
