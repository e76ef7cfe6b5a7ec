"""The gate: whether a candidate may take the champion's place, by paired comparison on every task.

Each comparison is made at full confidence, without a correction for their number, because the
candidate is promoted only if *all* of them pass. A false promotion requires an error in the test of
the very task on which the candidate falls short, and the probability of that is at most the error
of one test, however many other tests there are (an intersection-union test: Berger, "Multiparameter
hypothesis testing and acceptance sampling", Technometrics 24, 1982). More tasks cost power, not
safety.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.gate.beside import beside
from pipeline.gate.bounds import (
    lower_bound,
    queries_to_clear,
    queries_to_see,
    upper_bound,
    visible_drop,
)
from pipeline.gate.comparable import (
    faults_of,
    floor_of,
    is_new,
    is_proxy,
    new_first,
    set_of_slice,
)
from pipeline.gate.gain_on_old import gains_on_old, refuse_harm, with_gain_on_old
from pipeline.gate.proxies import Evidence, agreement, has_new, rests_on_proxies, settle
from pipeline.gate.sentences import no_gain, sentence
from pipeline.gate.soonest import soonest
from pipeline.results import Comparison, Rule, ServingCosts, Verdict, threshold_of
from training.evaluation import Scorecard, TaskScores, dimensions_of
from training.settings import SETTINGS

_ROUNDING = 1e-12
Outcome = Literal["promoted", "rejected", "inconclusive"]


@dataclass(frozen=True, config=SETTINGS)
class Gate:
    """Judge a candidate by its paired differences from the champion, and from the origin.

    Tasks named "new" must gain more than `min_gain`; those named "anchor/..." must not lose
    `max_drop` against the champion, nor against the origin, the first champion: a floor under many
    small losses. The same holds for each further length at which vectors are served ("new/dim-128",
    "anchor/past/dim-128"). Large slices of an anchor set are judged like the set itself. Smaller
    slices, and the sources of the new task, can refuse a candidate that harms them but need not
    support one: otherwise a rare language or source would prevent every promotion. The bounds are
    those of `lower_bound`; ``benchmarks/gate.py`` shows how they were chosen.

    Examples
    --------
    >>> champion, better = np.full(400, 0.6), np.full(400, 0.7)
    >>> def card(name, new, anchor):
    ...     queries = tuple(f"q{number}" for number in range(400))
    ...     score = lambda values: TaskScores(queries, {"ndcg_at_10": values}, "a digest")
    ...     return Scorecard(name, {"new": score(new), "anchor/past": score(anchor)})
    >>> Gate().judge(card("a", champion, champion), card("b", better, champion)).outcome
    'promoted'
    >>> Gate().judge(card("a", champion, champion), card("b", better, champion - 0.1)).outcome
    'rejected'
    """

    max_drop: float = Field(default=0.02, ge=0.0, lt=1.0)
    """Largest loss of the mean on any anchor set or slice, in the metric's units."""
    min_gain: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Gain of the mean that the new task must exceed, in the metric's units."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence of each one-sided bound."""
    metric: str = Field(default="ndcg_at_10", min_length=1)
    """Metric of the scorecards that decides; in [0, 1], higher is better.

    `soft_ndcg_at_10` needs fewer queries, but sees only part of some losses of nDCG@10, beside
    which it is shown (docs/measurements/evidence.md).
    """
    minimum_queries: int = Field(default=30, ge=2)
    """Queries that a task needs before a candidate can pass on it."""
    worst_loss: float = Field(default=0.5, gt=0.0, le=1.0)
    """Largest loss of one query that the sample may have missed, in the metric's units; 1: any."""
    minimum_slice_queries: int = Field(default=75, ge=2)
    """Queries from which a slice of an anchor set must support a candidate; others only refuse.

    With fewer, not even a candidate that ranks every query alike could pass at a margin of 0.02
    (the rule of three).
    """
    strict_sources: bool = False
    """Whether the sources of the new task must support a candidate, as large slices must."""
    proxies: Literal["refuse", "allow"] = "refuse"
    """Whether a promotion may rest on proxies where too few queries have labels."""
    approval: bool = False
    """Whether a candidate that passes waits until a person promotes it."""
    reuse_budget: int = Field(default=20, ge=1)
    """Candidates that one anchor set may judge before it is reported as overused.

    A harmful candidate passes with a probability of at most ``1 - confidence``. After n candidates
    on the same queries, the probability that chance let at least one pass is at most n times that
    (the union bound). At the default confidence, 20 candidates make this bound 1.
    """
    max_latency_ratio: float | None = Field(default=None, gt=0.0, examples=[1.2])
    """Embedding time allowed to the candidate, as a multiple of the champion's (none: any)."""
    max_size_ratio: float | None = Field(default=None, gt=0.0, examples=[1.1])
    """Size on disk allowed to the candidate, as a multiple of the champion's (none: any)."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random weights in the bounds."""

    def judge(
        self,
        champion: Scorecard,
        candidate: Scorecard,
        origin: Scorecard | None = None,
        margins: Mapping[str, float] | None = None,
        leaked: int = 0,
        costs: ServingCosts | None = None,
        *,
        gain_anywhere: bool = False,
    ) -> Verdict:
        """Compare task by task and return promoted, rejected or inconclusive.

        Parameters
        ----------
        champion, candidate
            Scores on the same queries.
        origin
            Scores of the first champion on the same queries; a task it was not scored on has no
            floor. Skipped when it is the champion itself.
        margins
            Margins of single anchor sets ("anchor/<name>", in force for its slices too) or slices,
            in place of `max_drop`.
        leaked
            Training texts that are also evaluation queries; more than 0 is never promoted.
        costs
            What serving costs, where `max_latency_ratio` or `max_size_ratio` asks for it; what was
            not measured is refused.
        gain_anywhere
            Whether a gain on an old task is enough where no new task with enough labelled queries
            can show one: for a candidate that was not trained on the new task.

        Raises
        ------
        ValueError
            A margin is not in [0, 1).
        """
        margins = dict(margins or {})
        for task, margin in margins.items():
            if not 0.0 <= margin < 1.0:
                raise ValueError(f"max_drop of {task} is {margin}; it must lie in [0, 1)")
        faults = [
            *faults_of(
                champion,
                candidate,
                origin,
                self.metric,
                margins,
                leaked,
                needs_new=not gain_anywhere,
            )
        ]
        if faults:
            summary = "rejected: the measurement cannot be trusted"
            return Verdict(promote=False, outcome="rejected", reasons=(summary, *faults))

        comparisons = []
        unlabelled = rests_on_proxies(champion, self.minimum_queries)
        anywhere = gain_anywhere and not has_new(champion, self.minimum_queries)
        for task in sorted(candidate.tasks, key=new_first):
            rule = _rule(task)
            margin = 0.0 if rule == "proxy" else self.margin_of(task, margins)
            margin = self.min_gain if rule == "gain" else margin
            after, before = candidate.tasks[task], champion.tasks[task]
            without_new = unlabelled or anywhere
            judged = self._is_judged(task, len(after.query_ids), unlabelled=without_new)
            comparisons.append(self._compare(task, rule, margin, before, after, judged=judged))
            floor = floor_of(origin, champion, task)
            if floor is not None:
                compared = self._compare(task, "floor", margin, floor, after, judged=judged)
                comparisons.append(compared)
        verdict, evidence = self._verdict(comparisons, costs), Evidence.of(comparisons)
        if anywhere:
            gains = gains_on_old(
                champion,
                candidate,
                self.differences,
                confidence=self.confidence,
                worst_loss=self.worst_loss,
                seed=self.seed,
                required=self.min_gain,
            )
            settled, shown = with_gain_on_old(verdict, gains, self.min_gain, self.minimum_queries)
            if shown or not unlabelled:
                return refuse_harm(settled, evidence)
        if unlabelled:
            return settle(verdict, evidence, allowed=self.proxies == "allow")
        told = agreement(evidence, comparisons)
        return verdict.changed(reasons=(*verdict.reasons, told)) if told else verdict

    def measures_costs(self) -> bool:
        """Say whether a condition requires measuring champion and candidate side by side."""
        return self.max_latency_ratio is not None or self.max_size_ratio is not None

    def visible_drop(self, queries: int, spread: float) -> float:
        """Return the smallest drop that an evaluation set of this size detects at 80 % power.

        Examples
        --------
        >>> print(f"{Gate().visible_drop(1000, 0.14):.3f}")
        0.012
        """
        return visible_drop(queries, spread, self.confidence, worst_loss=self.worst_loss)

    def queries_to_see(self, drop: float, spread: float) -> int | None:
        """Return how many queries detect a drop at 80 % power; None beyond a million."""
        return queries_to_see(drop, spread, self.confidence, worst_loss=self.worst_loss)

    def can_support(self, queries: int, margin: float) -> bool:
        """Say whether a candidate that ranks so many queries alike could pass.

        Examples
        --------
        >>> Gate().can_support(60, 0.02), Gate().can_support(80, 0.02)
        (False, True)
        """
        if queries < self.minimum_queries:
            return False
        return self.bounds(np.zeros(queries))[0] > -margin

    def margin_of(self, task: str, margins: Mapping[str, float]) -> float:
        """Return what a task may lose: its own margin, its set's, or `max_drop`."""
        return margins.get(task, margins.get(set_of_slice(task) or task, self.max_drop))

    def _compare(
        self,
        task: str,
        rule: Rule,
        margin: float,
        before: TaskScores,
        after: TaskScores,
        *,
        judged: bool,
    ) -> Comparison:
        differences = self.differences(before, after)
        low, high = self.bounds(differences)
        threshold = threshold_of(rule, margin)
        queries = len(differences)
        supported = low > threshold and queries >= self.minimum_queries
        # A task that need not support the candidate passes unless it shows harm.
        holds = supported if judged or rule == "proxy" else high >= threshold
        needs = None if holds else self._needs(differences, threshold)
        spread = float(differences.std(ddof=1)) if queries > 1 else 0.0
        made = Comparison(
            task=task,
            metric=self.metric,
            champion=float(np.mean(before.metrics[self.metric])),
            candidate=float(np.mean(after.metrics[self.metric])),
            difference=float(differences.mean()),
            low=low,
            high=high,
            queries=queries,
            holds=holds,
            needs=needs,
            rule=rule,
            margin=margin,
            spread=spread,
            visible=self.visible_drop(queries, spread),
            reason="",
            judged=judged,
            beside=beside(
                self.metric,
                before,
                after,
                confidence=self.confidence,
                worst_loss=self.worst_loss,
                seed=self.seed,
            ),
        )
        return made.changed(reason=sentence(made, self.confidence, self.minimum_queries))

    def _is_judged(self, task: str, queries: int, *, unlabelled: bool) -> bool:
        if is_proxy(task) or (unlabelled and is_new(task)):
            return False
        if set_of_slice(task) is None or dimensions_of(task) is not None:
            return True
        large = queries >= self.minimum_slice_queries
        return large and (self.strict_sources or not is_new(task))

    def differences(self, before: TaskScores, after: TaskScores) -> NDArray[np.float64]:
        """Return after minus before, per query; differences within rounding error count as zero."""
        old, new = (np.asarray(each.metrics[self.metric], np.float64) for each in (before, after))
        return np.round((new - old) / _ROUNDING) * _ROUNDING

    def bounds(self, differences: NDArray[np.float64]) -> tuple[float, float]:
        """Return the lower and the upper one-sided bound of the mean of paired differences."""
        low, high = (
            bound(differences, self.confidence, worst_loss=self.worst_loss, seed=self.seed)
            for bound in (lower_bound, upper_bound)
        )
        return low, high

    def _needs(self, differences: NDArray[np.float64], threshold: float) -> int | None:
        needs = queries_to_clear(
            differences, threshold, self.confidence, worst_loss=self.worst_loss, seed=self.seed
        )
        return needs and max(needs, self.minimum_queries)

    def _too_costly(self, costs: ServingCosts | None) -> list[str]:
        """Return a sentence for each cost that exceeds its limit or could not be measured."""
        limits = (
            ("latency", self.max_latency_ratio, costs.latency_ratio if costs else None),
            ("size", self.max_size_ratio, costs.size_ratio if costs else None),
        )
        reasons = []
        for name, limit, ratio in limits:
            if limit is not None and ratio is None:
                reasons.append(f"{name}: could not be measured, which max_{name}_ratio requires")
            elif limit is not None and ratio is not None and ratio > limit:
                reasons.append(
                    f"{name}: {ratio:.2f} times the champion's (max_{name}_ratio {limit:g})"
                )
        return reasons

    def _verdict(self, comparisons: Sequence[Comparison], costs: ServingCosts | None) -> Verdict:
        counted = [each for each in comparisons if each.rule != "proxy"]
        refused = [each for each in counted if each.fails or no_gain(each, self.minimum_queries)]
        others = [each for each in counted if each not in refused]
        undecided = [each for each in others if each.judged and not each.holds]
        passed = [each for each in others if each.judged and each.holds]
        reported = [each for each in others if not each.judged]
        costly = self._too_costly(costs)
        ordered = [*refused, *undecided, *passed, *reported]
        reasons = (*costly, *(each.reason for each in ordered))
        required = len(counted) - len(reported)
        count = f"{len(passed)} of {required} comparisons pass"
        outcome: Outcome
        if refused or costly:
            outcome = "rejected"
            summary = count + (", serving costs too much" if costly else "")
        elif undecided:
            outcome = "inconclusive"
            summary = (
                f"{count}; {soonest(undecided, self)}; `anchorhold judge` compares both versions "
                "with few answers"
            )
        else:
            outcome, summary = "promoted", f"all {required} comparisons pass"
        return Verdict(
            promote=outcome == "promoted",
            outcome=outcome,
            reasons=(f"{outcome}: {summary}", *reasons),
            comparisons=tuple(comparisons),
            costs=costs,
            confidence=self.confidence,
        )


def _rule(task: str) -> Rule:
    if is_proxy(task):
        return "proxy"
    return "gain" if is_new(task) and not set_of_slice(task) else "no worse"
