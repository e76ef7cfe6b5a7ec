"""What a trigger reads (Observation) and what it answers (Signal)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Word = tuple[str, int, bool]
"""(word, pieces that the tokenizer splits it into, whether one of them is unknown)."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Texts with their embeddings and facts, row by row. Equal only to itself.

    An empty sample is allowed; triggers that compare texts refuse it.

    Raises
    ------
    ValueError
        Columns differ in length, or an embedding is not finite.
    """

    texts: tuple[str, ...]
    """Texts as the service received them, oldest first."""
    embeddings: NDArray[np.float32]
    """One unit vector per text, shape ``(texts, dimensions)``."""
    sources: tuple[str, ...] = ()
    """Source of each text, "" where unknown; empty when no source is known."""
    timestamps: NDArray[np.float64] | None = None
    """Time of each text in seconds since the epoch, ``nan`` where unknown, shape ``(texts,)``."""
    words: tuple[tuple[Word, ...], ...] | None = None
    """The words of each text, see ``Word``; None when no tokenizer is known."""
    sessions: tuple[str, ...] = ()
    """Session of each text, "" where unknown; empty when no session is known."""
    users: tuple[str, ...] = ()
    """User of each text, "" where unknown; empty when no user is known."""

    def __post_init__(self) -> None:
        """Refuse columns of different lengths and embeddings that are not finite."""
        count = len(self.texts)
        if self.embeddings.ndim != 2 or len(self.embeddings) != count:
            raise ValueError(
                f"embeddings must have one row per text ({count}), "
                f"got shape {self.embeddings.shape}"
            )
        # Row sums reveal NaN and infinity without a mask as large as the embeddings.
        broken = np.flatnonzero(~np.isfinite(self.embeddings.sum(axis=1)))
        if len(broken):
            bad = int(broken[0])
            raise ValueError(
                f"embeddings must be finite, got NaN or infinity in row {bad}: "
                f"{self.texts[bad][:60]!r}"
            )
        for name in ("sources", "timestamps", "words", "sessions", "users"):
            column = getattr(self, name)
            if name in ("sources", "sessions", "users") and not column:
                continue
            if column is not None and len(column) != count:
                raise ValueError(f"{name} must have {count} entries, got {len(column)}")

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.texts)


@dataclass(frozen=True)
class Space:
    """Identity of an embedding space, and the vectors it gives to a few stored probe texts."""

    fingerprint: str
    """Digest of weights, tokenizer, pooling, normalisation, prompts and length; "" if unknown."""
    tokenizer: str = ""
    """Digest of the tokenizer alone; "" if unknown."""
    probes: NDArray[np.float32] | None = None
    """Unit vectors of the probe texts in a fixed order, shape ``(probes, dimensions)``."""


@dataclass(frozen=True)
class Stability:
    """How close embeddings stay when their texts change without changing their meaning."""

    rows: NDArray[np.int64]
    """Rows of the sample whose texts were changed and encoded again, shape ``(changed,)``."""
    cosines: NDArray[np.float64]
    """Mean cosine of each of these texts with its changed copies, shape ``(changed,)``."""


@dataclass(frozen=True)
class Served:
    """What the service answered in one period."""

    cosines: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Cosine of each query with its best returned document, in [-1, 1], shape ``(queries,)``."""
    documents: tuple[str, ...] = ()
    """Identifier of each returned document, one entry per return."""
    margins: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    """Cosine of the best returned document less that of the second, shape ``(queries,)``; shown
    only."""
    repeats: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """For each query that nearly repeats an earlier one: their cosine, and the share of returned
    documents they have in common, shape ``(repeats, 2)``; shown only."""


@dataclass(frozen=True)
class Quality:
    """The champion's scores per query on one task, at acceptance and now."""

    accepted: NDArray[np.float64]
    """Scores when the champion was accepted, in [0, 1], shape ``(queries,)``."""
    now: NDArray[np.float64]
    """Scores now, in [0, 1]; the same queries in the same order when ``paired``."""
    paired: bool = True
    """True for one golden set scored twice, False for two different sets of queries."""
    queries: tuple[str, ...] = ()
    """Texts of the queries of ``now``, to show those that lost most; may be empty."""
    unit: str = "queries"
    """What has one score each, in plural."""


@dataclass(frozen=True)
class PairFacts:
    """Facts about labelled pairs, and about the records that they were read from."""

    pairs: tuple[tuple[str, str], ...] = ()
    """(query, positive) of each pair."""
    negatives: tuple[tuple[str, str], ...] = ()
    """(query, negative) of each pair that has a negative."""
    sources: tuple[str, ...] = ()
    """Source of each pair, "" where unknown; empty when none is known."""
    records: int = 0
    """Records read, valid or not."""
    quarantined: int = 0
    """Records that intake refused."""
    fields: frozenset[str] = frozenset()
    """Columns that at least one record fills; empty when unknown."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Column -> number of records without it."""


@dataclass(frozen=True)
class Preprocessing:
    """What read the records of one kind, by an identity: how many known and recent ones."""

    known: Mapping[str, int] = field(default_factory=dict)
    """Identity of what read them -> records that the champion knows; unknown ones are left out."""
    recent: Mapping[str, int] = field(default_factory=dict)
    """The same for recent records."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Identity -> what people call it."""

    @property
    def changed(self) -> float | None:
        """Share of recent records read by what read no known one; None where nothing is known."""
        if not self.known or not self.recent:
            return None
        fresh = sum(count for name, count in self.recent.items() if name not in self.known)
        return fresh / sum(self.recent.values())


@dataclass(frozen=True)
class FieldFacts:
    """How many records of one kind lack which field, among the known and the recent ones."""

    known: int
    """Records that the champion knows."""
    recent: int
    """Recent records."""
    missing: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Field -> known and recent records without it."""


@dataclass(frozen=True)
class Observation:
    """Everything that triggers read: recent data and the reference, as arrays and numbers.

    Only ``recent`` and ``reference`` are required. A trigger whose other input is missing answers
    with :meth:`Signal.unmeasured`.
    """

    recent: Sample
    """Texts of the recent window."""
    reference: Sample
    """Texts that the champion was accepted on."""
    new_pairs: int = 0
    """Number of labelled pairs that the champion was not trained on."""
    champion_age_days: float = 0.0
    """Days since the champion was trained or first registered."""
    seed: int = 0
    """Seed of every random choice: the same observation always gives the same signals."""
    history: Sample | None = None
    """Texts of many windows up to now (the long window), for ``slow_drift``."""
    recent_stability: Stability | None = None
    """How close the embeddings of some recent texts stay to those of changed copies."""
    reference_stability: Stability | None = None
    """The same for some reference texts, changed in the same way."""
    form_kept: float | None = None
    """Share of the nearest known texts that stay without capitals, punctuation and spacing, as a
    ratio to that of the reference. Not None only where nothing else of the form changed and the
    samples have the embeddings of the texts without them.
    """
    anchor_queries: Sample | None = None
    """Queries of the anchor sets, to show which of them lie nearest to new topics."""
    accepted_space: Space | None = None
    """Space that the champion was accepted with: fingerprint and stored probe vectors."""
    serving_space: Space | None = None
    """Space in use now: its fingerprint and new vectors of the same probe texts."""
    index_fingerprints: tuple[str, ...] = ()
    """Fingerprints of the models whose vectors the search index holds."""
    served_before: Served | None = None
    """Answers of the service in the reference period."""
    served_recently: Served | None = None
    """Answers of the service to recent traffic."""
    quality: Mapping[str, Quality] = field(default_factory=dict)
    """Task name -> the champion's scores at acceptance and now."""
    hit_rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Golden set -> hit rate at each check, oldest first; shown in the reason only."""
    self_generated: tuple[bool, ...] = ()
    """For each recent text, whether the system wrote it itself; empty when unknown."""
    own_answers: tuple[str, ...] = ()
    """Texts that the system wrote in the past, to find them in its input."""
    new_documents: tuple[str, ...] = ()
    """Texts of documents that arrived since the champion was trained, to find own answers there."""
    recent_pairs: PairFacts | None = None
    """Facts about the records that arrived since the champion was trained."""
    reference_pairs: PairFacts | None = None
    """The same facts about the pairs that the champion was trained on."""
    fields: Mapping[str, FieldFacts] = field(default_factory=dict)
    """"texts", "documents" and "log" -> which fields their records lack; pairs have facts of their
    own."""
    preprocessing: Mapping[str, Preprocessing] = field(default_factory=dict)
    """"texts" and "documents" -> what read them; empty where that is not recorded."""

    def require_texts(self) -> None:
        """Raise ``ValueError`` when a sample is empty or their dimensions differ."""
        for name, sample in (("recent", self.recent), ("reference", self.reference)):
            if not len(sample):
                raise ValueError(f"{name} must contain at least one text, got none")
        recent, reference = self.recent.embeddings.shape[1], self.reference.embeddings.shape[1]
        if recent != reference:
            raise ValueError(
                f"recent and reference must come from one encoder, got {recent} and {reference} "
                "dimensions"
            )


@dataclass(frozen=True)
class Signal:
    """What one trigger found. For each of its numbers, higher means more drift.

    A trigger that lacks its input tested nothing: it neither fired nor was quiet. Such a signal is
    made by :meth:`unmeasured`; the policy does not count it as a test.

    Raises
    ------
    ValueError
        The signal is not measured, but fired or has a p-value.

    Examples
    --------
    >>> Signal.unmeasured("rain", "no weather was given")
    Signal(trigger='rain', fired=False, reason='not measured: no weather was given', ...,
           measured=False)
    """

    trigger: str
    """Name of the trigger."""
    fired: bool
    """Whether the trigger calls for training or, if it ``blocks``, for a stop."""
    reason: str
    """One or two sentences with the figures; never empty, also when quiet."""
    p_value: float | None = None
    """Probability of at least this change if nothing changed; None when no test was made."""
    effect: float | None = None
    """Size of the change in the trigger's own unit."""
    threshold: float | None = None
    """Effect that data without drift may reach; only a larger one fires."""
    cause: str | None = None
    """Cause that the trigger points to when it fired, see ``drift_triggers.cause``."""
    examples: tuple[str, ...] = ()
    """Texts, terms or queries that show the change most."""
    blocks: bool = False
    """Whether training must not start until a person has checked the data."""
    measured: bool = True
    """Whether the trigger had the input it needs; False: it tested nothing."""

    def __post_init__(self) -> None:
        """Refuse a result without a measurement."""
        if not self.measured and (self.fired or self.p_value is not None):
            raise ValueError(
                f"a signal that is not measured must not fire or have a p-value: {self.trigger}"
            )

    @classmethod
    def unmeasured(cls, trigger: str, why: str) -> "Signal":
        """Return the signal of a trigger that lacks its input.

        Parameters
        ----------
        trigger
            Name of the trigger.
        why
            What is missing, such as "no sources were given".
        """
        return cls(trigger, False, f"not measured: {why}", measured=False)

    @classmethod
    def too_few(cls, trigger: str, found: int, needed: int, what: str) -> "Signal":
        """Return the signal of a trigger that has too little of its input to test anything."""
        return cls.unmeasured(trigger, f"{found} {what}, at least {needed} are needed")


@runtime_checkable
class Trigger(Protocol):
    """The plug-in point: anything with a name and the method ``check``.

    ``check`` must be pure and deterministic, raise ``ValueError`` for input that it cannot read,
    and return :meth:`Signal.unmeasured` when its input is missing.
    """

    name: ClassVar[str]

    def check(self, observation: Observation) -> Signal:
        """Compare recent data with the reference and report the result."""
        ...
