"""The decision to train or not, and the window of data that it is about."""

from pydantic import Field

from drift_triggers.cause import Explanation, Source
from drift_triggers.signal import Signal
from drift_triggers.statistics.clusters import Cluster
from pipeline.results.measures import Measures
from pipeline.results.result import Result
from training.pairs import PerSource


class HeadroomResult(Result):
    """Whether tuning can help at all, measured without labels.

    The answer of a query is taken to be the document that BM25 ranks first, where it stands out.

    Attributes
    ----------
    reason
        The figures in one sentence, or why there are none.
    queries, documents
        Queries that have such a document, and documents searched in.
    hit_at_1, recall_at_100
        Share of these queries whose document the champion ranks first, or among the first hundred.
    room
        recall_at_100 less hit_at_1: what tuning could gain at most.
    consensus_gap
        Share of the queries for which champion and BM25 rank different documents first.
    centring_gain
        What subtracting the mean query would add to hit_at_1.
    """

    reason: str
    queries: int = 0
    documents: int = 0
    hit_at_1: float | None = None
    recall_at_100: float | None = None
    room: float | None = None
    consensus_gap: float | None = None
    centring_gain: float | None = None


class FineTuningResult(Result):
    """Whether a loss of quality came with the last training: two versions on the same queries.

    Attributes
    ----------
    previous
        The version before the champion.
    task, metric, queries
        What both were scored on.
    previous_score, champion_score
        Their means.
    difference
        The mean of the version before less that of the champion: above 0, the training cost it.
    p_value
        Probability of at least this difference if the training cost nothing (paired t-test,
        corrected for the number of tasks).
    explains
        Whether the difference is significant and at least half of the loss that was found.
    reason
        The figures in one sentence.
    """

    previous: int
    task: str
    metric: str
    queries: int
    previous_score: float
    champion_score: float
    difference: float
    p_value: float
    explains: bool
    reason: str


class DecisionResult(Result):
    """Whether training is called for, with all that led to it; what `anchorhold check` prints.

    Attributes
    ----------
    train
        Whether training should start now.
    reasons
        Why, or why not.
    blocked_by
        Names of the guards that forbid training until somebody has looked at the data.
    signals
        What each trigger measured.
    cause
        The likely cause; None when nothing was checked.
    clusters
        Groups of recent texts unlike the reference, when a trigger fired.
    hit_rates
        Anchor set -> the champion's recall at 10 on it today.
    shortage
        Why a training, which is called for, would have nothing to learn from; empty otherwise. Only
        a check of what has arrived asks, not one of a file.
    headroom
        Whether tuning can help, where there are documents.
    fine_tuning
        Whether a loss of quality came with the last training; None where none was found, or there
        is no earlier version to compare with.
    measures
        Further numbers, which are shown and decide nothing; None where nothing was checked.
    redacted
        Records that arrived and had personal data taken out (`intake.redact`). Only a check of what
        has arrived counts them.
    warnings
        Changed settings that the versions cannot follow, such as another base model.
    """

    train: bool
    reasons: tuple[str, ...]
    blocked_by: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    cause: Explanation | None = None
    clusters: tuple[Cluster, ...] = ()
    hit_rates: dict[str, float] = Field(default_factory=dict)
    shortage: str = ""
    headroom: HeadroomResult | None = None
    fine_tuning: FineTuningResult | None = None
    measures: Measures | None = None
    redacted: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def source(self) -> Source:
        """Where the drift comes from; "none" where nothing was checked."""
        return self.cause.source if self.cause else "none"

    @property
    def fired(self) -> list[str]:
        """Names of the triggers that fired."""
        return [signal.trigger for signal in self.signals if signal.fired]

    @property
    def unmeasured(self) -> list[str]:
        """Names of the triggers that had no input."""
        return [signal.trigger for signal in self.signals if not signal.measured]


class Window(Result):
    """Which part of the stored data one check is about.

    Attributes
    ----------
    champion
        Number of the version that the data is compared with.
    after
        The champion's cut: what came before is learned.
    since
        What came before was part of an earlier check.
    until
        What comes later belongs to the next check.
    settings
        Digest of the settings: changed settings are a reason to check old data again.
    discards
        Which exclusions concern the data: what is left is another body of data.
    accepted
        Up to here, texts after the cut count as known: they were the first reference, or a
        person accepted them. 0 where none do.
    pairs, used
        Labelled pairs that wait to be learned, and how many of them a cycle uses.
    most
        How many of each source it uses; None where all of them.
    """

    champion: int
    after: int
    since: int
    until: int
    settings: str
    discards: str = ""
    accepted: int = 0
    pairs: int = 0
    used: int = 0
    most: PerSource | None = None

    @property
    def known(self) -> int:
        """Up to where texts are known, learned or accepted."""
        return max(self.after, self.accepted)

    @property
    def unused(self) -> str:
        """How many of the pairs that wait are used, as a sentence; empty where all of them are.

        Examples
        --------
        >>> window = Window(champion=1, after=0, since=0, until=9, settings="", pairs=9000, used=70)
        >>> window.unused
        '9,000 pairs wait, 70 are used: the newest, and a sample of the others (waiting.pairs)'
        """
        if self.used == self.pairs:
            return ""
        return (
            f"{self.pairs:,} pairs wait, {self.used:,} are used: the newest, and a sample of the "
            "others (waiting.pairs)"
        )

    def same_data(self, other: "Window") -> bool:
        """Say whether two windows hold the same data for the same champion and settings."""
        left, right = (
            (each.champion, each.after, each.until, each.settings, each.discards, each.accepted)
            for each in (self, other)
        )
        return left == right
