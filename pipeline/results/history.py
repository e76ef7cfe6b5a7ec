"""The history of a workspace: what `anchorhold report --all` shows, a row for each cycle."""

from collections.abc import Collection, Iterator, Mapping
from typing import Self

from pydantic import Field

from pipeline.results.cycle import CycleResult, Outcome, Waits
from pipeline.results.intake import IntakeCounts
from pipeline.results.moment import Moment
from pipeline.results.past import PastCycle
from pipeline.results.result import Result


class TriggerPoint(Result):
    """What one trigger measured in one cycle; a trigger without input has no point.

    Attributes
    ----------
    trigger
        Its name.
    fired
        Whether it called for training, or for a stop.
    effect, threshold
        Size of the change, and what data without drift may reach; None where it has none.
    p_value
        Probability of at least this change if nothing changed; None when no test was made.
    """

    trigger: str
    fired: bool
    effect: float | None = None
    threshold: float | None = None
    p_value: float | None = None


class TaskPoint(Result):
    """The score of one version on one task, as it was measured when the version was made.

    Attributes
    ----------
    version, cycle
        The version and the cycle that made it.
    task, metric
        The task, and the metric that the gate compares.
    score
        Mean over the queries.
    queries
        Number of queries; None for the first version.
    before, champion
        The champion's mean on the same queries, and its version; None for the first version.
    low, high
        One-sided bounds of the mean difference; None for the first version.
    """

    version: int
    cycle: str
    task: str
    metric: str
    score: float
    queries: int | None = None
    before: float | None = None
    champion: int | None = None
    low: float | None = None
    high: float | None = None


class CosinePoint(Result):
    """How similar one version finds the queries and documents of one evaluation set.

    Attributes
    ----------
    version, cycle, task
        The version, the cycle that measured it and the set.
    relevant, random
        Of queries and relevant documents, and of queries and others drawn by chance: the 5 %, 25 %,
        50 %, 75 % and 95 % quantiles.
    """

    version: int
    cycle: str
    task: str
    relevant: tuple[float, ...]
    random: tuple[float, ...]


class HistoryCycle(Result):
    """One finished cycle in a row.

    Attributes
    ----------
    cycle, started
        Its identifier and when it began.
    outcome, waits
        How it ended, and why its candidate does not serve yet although it passed.
    champion, candidate
        The version that served after it, and the version that it made.
    reason
        The first reason of the verdict or else of the decision.
    cause
        The likely cause of the drift; empty where nothing drifted.
    terms
        Terms of the largest group of new texts.
    triggers
        What each trigger measured.
    hit_rates
        Anchor set -> the champion's recall at 10 on it at the check.
    pairs_in, texts_in, documents_in
        New records: labelled pairs, texts (those of logs included), and versions of documents.
    quarantined
        Records that intake refused.
    waiting
        Labelled pairs that waited to be learned at the check; None where nothing was checked.
    recent, replayed
        Pairs in the mix of the training.
    learned
        Recent pairs that a version learned which was promoted, then or later.
    seconds
        Time by group of stages, and in total.
    encoded
        Documents that were encoded for indexes.
    peak_memory_megabytes
        Most memory that the process held; None where the system cannot tell.
    disk_bytes
        Size of the state folder after the cycle; None where it was not recorded.
    price
        What its time costs at most, at today's `compute.price_per_hour`; None without that setting.
    report
        Path of its report, relative to the page; None where the file was deleted.
    """

    cycle: str
    started: Moment
    outcome: Outcome
    waits: Waits = ""
    champion: int
    candidate: int | None = None
    reason: str = ""
    cause: str = ""
    terms: tuple[str, ...] = ()
    triggers: tuple[TriggerPoint, ...] = ()
    hit_rates: dict[str, float] = Field(default_factory=dict)
    pairs_in: int = 0
    texts_in: int = 0
    documents_in: int = 0
    quarantined: int = 0
    waiting: int | None = None
    recent: int = 0
    replayed: int = 0
    learned: int = 0
    seconds: dict[str, float] = Field(default_factory=dict)
    encoded: int = 0
    peak_memory_megabytes: float | None = None
    disk_bytes: int | None = None
    price: float | None = None
    report: str | None = None

    @property
    def fired(self) -> list[str]:
        """Names of the triggers that fired."""
        return [each.trigger for each in self.triggers if each.fired]

    @classmethod
    def of(
        cls,
        past: PastCycle,
        *,
        served: Collection[int] = (),
        price_per_hour: float | None = None,
        report: str | None = None,
    ) -> Self:
        """Return the row of a cycle.

        Parameters
        ----------
        past
            The cycle.
        served
            The versions that ever served.
        price_per_hour
            What a worker costs per hour.
        report
            Path of its report, relative to the page.
        """
        result = past.result
        decision, lesson, intake = result.decision, result.lesson, result.intake
        reasons = result.verdict.reasons if result.verdict else decision.reasons
        cause = decision.cause.cause if decision.cause else "none"
        clusters = sorted(decision.clusters, key=lambda each: each.share, reverse=True)
        kinds: tuple[IntakeCounts, ...] = (intake.corpus, intake.history, intake.reference)
        kinds += (intake.pairs, intake.traffic, intake.log)
        made = result.made.version if result.made else None
        return cls(
            cycle=past.id,
            started=past.started,
            outcome=result.outcome,
            waits=result.waits,
            champion=result.champion.version,
            candidate=made,
            reason=reasons[0] if reasons else "",
            cause="" if cause == "none" else cause,
            terms=clusters[0].terms if clusters else (),
            triggers=tuple(
                TriggerPoint.model_validate(each, from_attributes=True)
                for each in decision.signals
                if each.measured
            ),
            hit_rates=decision.hit_rates,
            pairs_in=intake.history.stored + intake.pairs.stored,
            texts_in=intake.reference.stored + intake.traffic.stored + intake.log.texts,
            documents_in=intake.corpus.stored,
            quarantined=sum(each.quarantined for each in kinds),
            waiting=result.window.pairs if result.window else None,
            recent=lesson.recent if lesson and result.training else 0,
            replayed=lesson.replayed if lesson and result.training else 0,
            learned=lesson.recent if lesson and result.training and made in served else 0,
            seconds=result.seconds,
            encoded=sum(each.encoded for each in result.index.built) if result.index else 0,
            peak_memory_megabytes=result.peak_memory_megabytes,
            disk_bytes=result.disk_bytes,
            price=_price(result, price_per_hour),
            report=report,
        )


class PastDecision(Result):
    """One thing that the gate or a person decided, and why.

    Attributes
    ----------
    at
        When.
    action
        "bootstrap", "adopt", "promote", "rollback" or "force" for a move of the champion,
        "discard", "accept", and "undo discard" or "undo accept" for what took these back.
    what
        What it was about: a version, the records that were excluded, or the texts of a cycle.
    version, previous
        The version that served after a move, and the one before; None for other actions.
    cycle
        The cycle that moved the champion; None where a person or a guard did.
    who
        Who decided; empty where that was not recorded.
    reason
        Why.
    warned_by, warned_days
        For a promotion: the trigger with a statistical test that first fired since the move before,
        and how many days before the promotion that was; None where none fired.
    """

    at: Moment
    action: str
    what: str
    version: int | None = None
    previous: int | None = None
    cycle: str | None = None
    who: str = ""
    reason: str = ""
    warned_by: str | None = None
    warned_days: float | None = None


class HistoryResult(Result):
    """All cycles of a workspace: what `anchorhold report --all` prints, and the page it writes.

    Attributes
    ----------
    page, data
        Paths of the page, and of this object as JSON beside it; empty where none were written.
    model
        Name of the registered model.
    champion
        The version that serves; None before the first cycle.
    outcomes
        How many cycles ended how.
    cycles
        A row for each finished cycle, oldest first.
    unfinished
        The cycle that `run` would resume; None where there is none.
    scores
        Scores of each version on each task.
    cosines
        Similarities of each version on each evaluation set.
    decisions
        Moves of the champion, excluded records and accepted texts, oldest first.
    without_report
        How many cycles have no report any more.
    disk_bytes
        Size of the state folder now.
    """

    page: str = ""
    data: str = ""
    model: str
    champion: int | None = None
    outcomes: dict[str, int] = Field(default_factory=dict)
    cycles: tuple[HistoryCycle, ...] = ()
    unfinished: str | None = None
    scores: tuple[TaskPoint, ...] = ()
    cosines: tuple[CosinePoint, ...] = ()
    decisions: tuple[PastDecision, ...] = ()
    without_report: int = 0
    disk_bytes: int = 0


def task_points(result: CycleResult, metric: str) -> Iterator[TaskPoint]:
    """Yield the scores of the version that a cycle made.

    Parameters
    ----------
    result
        The cycle.
    metric
        Which of the metrics of a first version counts.
    """
    if result.made is None:
        return
    about = {"version": result.made.version, "cycle": result.cycle}
    compared = result.window.champion if result.window else None
    if compared is None and result.champion != result.made:
        compared = result.champion.version
    first: Mapping[str, float] = result.scores or {}
    for name, score in first.items():
        task, _, measured = name.rpartition("/")
        if measured == metric:
            yield TaskPoint(**about, task=task, metric=metric, score=score)
    for each in result.verdict.comparisons if result.verdict else ():
        if each.rule != "floor":
            yield TaskPoint(
                **about,
                task=each.task,
                metric=each.metric,
                score=each.candidate,
                queries=each.queries,
                before=each.champion,
                champion=compared,
                low=each.low,
                high=each.high,
            )


def cosine_points(result: CycleResult) -> Iterator[CosinePoint]:
    """Yield the similarities that a cycle measured."""
    for version in result.cosines:
        for each in version.sets:
            yield CosinePoint(
                version=version.version,
                cycle=result.cycle,
                task=each.task,
                relevant=each.relevant,
                random=each.random,
            )


def _price(result: CycleResult, price_per_hour: float | None) -> float | None:
    """Return what a cycle costs if all its workers are paid for all of its time."""
    if price_per_hour is None:
        return None
    workers = max(1, result.computing.workers if result.computing else 1)
    return round(result.seconds.get("total", 0.0) / 3600 * workers * price_per_hour, 4)
