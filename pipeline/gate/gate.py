"""The gate: whether a candidate may take the champion's place, by paired comparison on every task.

Why each comparison is made at full confidence, without a correction for their number: the candidate
is promoted only if *all* of them hold. A false promotion therefore needs the test of that very task
on which the candidate truly falls short to err, and this has at most the error of one test, however
many others are made beside it (an intersection-union test: Berger, "Multiparameter hypothesis
testing and acceptance sampling", Technometrics 24, 1982). More tasks cost power, never safety.
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.gate.bounds import (
    lower_bound,
    queries_to_clear,
    queries_to_see,
    upper_bound,
    visible_drop,
)
from pipeline.gate.comparable import faults_of, floor_of, is_new, new_first, set_of_slice
from pipeline.gate.serving_costs import Costs
from pipeline.gate.verdict import Comparison, Rule, Verdict, _metric_name, _threshold
from training.evaluation import Scorecard, TaskScores
from training.settings import SETTINGS

_ROUNDING = 1e-12


@dataclass(frozen=True, config=SETTINGS)
class Gate:
    """Judge a candidate by its paired differences from the champion, and from the origin.

    Tasks named "new" must gain more than `min_gain`; those named "anchor/..." must not lose
    `max_drop` against the champion, nor against the origin, the first champion: a floor under many
    small losses. Slices of an anchor set are judged like it where they are large enough; smaller
    ones, and the sources of the new task, refuse a candidate that harms them but need not vouch for
    one, since otherwise a rare language or source would forbid every promotion. The bounds
    are those of `lower_bound`; ``benchmarks/gate.py`` shows how they were chosen.

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
    """Metric of the scorecards that is compared; in [0, 1], higher is better."""
    minimum_queries: int = Field(default=30, ge=2)
    """Queries below which a task can never vouch for a candidate."""
    worst_loss: float = Field(default=0.5, gt=0.0, le=1.0)
    """Loss of one query that a sample may have missed though none as large was seen; 1: any."""
    minimum_slice_queries: int = Field(default=75, ge=2)
    """Queries from which a slice of an anchor set must vouch for a candidate, not only not refuse.

    With fewer, not even a candidate that ranks every query alike could be vouched for at a margin
    of 0.02 (the rule of three).
    """
    strict_sources: bool = False
    """Whether the sources of the new task must vouch like slices, not only not show harm."""
    approval: bool = False
    """Whether a candidate that passes waits until a person promotes it."""
    reuse_budget: int = Field(default=20, ge=1)
    """Candidates after which an anchor set counts as worn out; it is said, never let pass.

    Each candidate that truly harms passes with a chance of at most ``1 - confidence``. After n
    judged on the same queries, the chance that noise let even one pass is at most n times that
    (the union bound); at the default confidence, 20 candidates make this 1: nothing is promised.
    """
    max_latency_ratio: float | None = Field(default=None, gt=0.0)
    """Time to embed texts that the candidate may take, in that of the champion; none: any."""
    max_size_ratio: float | None = Field(default=None, gt=0.0)
    """Size on disk that the candidate may have, in that of the champion; none: any."""
    seed: int = Field(default=0, ge=0)
    """Seed of the bounds' random weights."""

    def judge(
        self,
        champion: Scorecard,
        candidate: Scorecard,
        origin: Scorecard | None = None,
        margins: Mapping[str, float] | None = None,
        leaked: int = 0,
        costs: Costs | None = None,
    ) -> Verdict:
        """Compare task by task and say promoted, rejected or inconclusive.

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

        Raises
        ------
        ValueError
            A margin is not in [0, 1).
        """
        margins = dict(margins or {})
        for task, margin in margins.items():
            if not 0.0 <= margin < 1.0:
                raise ValueError(f"max_drop of {task} is {margin}; it must lie in [0, 1)")
        faults = [*faults_of(champion, candidate, origin, self.metric, margins, leaked)]
        if faults:
            summary = "rejected: the measurement cannot be trusted"
            return Verdict(False, "rejected", (summary, *faults), ())

        comparisons = []
        for task in sorted(candidate.tasks, key=new_first):
            rule: Rule = "gain" if is_new(task) and not set_of_slice(task) else "no worse"
            margin = self.min_gain if rule == "gain" else self.margin_of(task, margins)
            after, before = candidate.tasks[task], champion.tasks[task]
            comparisons.append(self._compare(task, rule, margin, before, after))
            floor = floor_of(origin, champion, task)
            if floor is not None:
                comparisons.append(self._compare(task, "floor", margin, floor, after))
        return self._verdict(comparisons, costs)

    def measures_costs(self) -> bool:
        """Say whether a condition needs champion and candidate to be measured side by side."""
        return self.max_latency_ratio is not None or self.max_size_ratio is not None

    def visible_drop(self, queries: int, spread: float) -> float:
        """Return the smallest drop an evaluation set of this size can see at 80 % power.

        Examples
        --------
        >>> print(f"{Gate().visible_drop(1000, 0.14):.3f}")
        0.012
        """
        return visible_drop(queries, spread, self.confidence, worst_loss=self.worst_loss)

    def queries_to_see(self, drop: float, spread: float) -> int | None:
        """Return how many queries see a drop at 80 % power; None beyond a million."""
        return queries_to_see(drop, spread, self.confidence, worst_loss=self.worst_loss)

    def can_vouch(self, queries: int, margin: float) -> bool:
        """Say whether so many queries could vouch for a candidate that ranks all of them alike.

        Examples
        --------
        >>> Gate().can_vouch(60, 0.02), Gate().can_vouch(80, 0.02)
        (False, True)
        """
        if queries < self.minimum_queries:
            return False
        return self.bounds(np.zeros(queries))[0] > -margin

    def margin_of(self, task: str, margins: Mapping[str, float]) -> float:
        """Return what a task may lose: its own margin, its set's, or `max_drop`."""
        return margins.get(task, margins.get(set_of_slice(task) or task, self.max_drop))

    def _compare(
        self, task: str, rule: Rule, margin: float, before: TaskScores, after: TaskScores
    ) -> Comparison:
        differences = self.differences(before, after)
        low, high = self.bounds(differences)
        threshold = _threshold(rule, margin)
        queries = len(differences)
        judged = self._is_judged(task, queries)
        vouched = low > threshold and queries >= self.minimum_queries
        # What need not vouch holds unless it shows harm, so that all that is promoted holds.
        holds = vouched if judged else high >= threshold
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
        )
        return Comparison(**{**asdict(made), "reason": self._sentence(made)})

    def _is_judged(self, task: str, queries: int) -> bool:
        if set_of_slice(task) is None:
            return True
        large = queries >= self.minimum_slice_queries
        return large and (self.strict_sources or not is_new(task))

    def differences(self, before: TaskScores, after: TaskScores) -> NDArray[np.float64]:
        """Return after minus before of each query; equal but for rounding errors is equal."""
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

    def _sentence(self, made: Comparison) -> str:
        threshold = _threshold(made.rule, made.margin)
        percent = f"{100 * self.confidence:g} %"
        if made.fails:
            bound, sign = f"one-sided {percent} bound from above {made.high:+.3f}", "<"
        else:
            bound = f"one-sided {percent} bound {made.low:+.3f}"
            sign = ">" if made.low > threshold else "<="
        against = " against the origin" if made.rule == "floor" else ""
        return (
            f"{made.task}: {_metric_name(made.metric)} {made.champion:.3f} -> "
            f"{made.candidate:.3f}{against} (difference {made.difference:+.3f}, {bound} {sign} "
            f"{threshold:+.3f}, {made.queries} queries): {self._ending(made)}"
        )

    def _ending(self, made: Comparison) -> str:
        threshold = _threshold(made.rule, made.margin)
        if made.fails:
            return "does not hold" if made.rule == "gain" else "got worse"
        if not made.judged:
            return "no harm shown; reported, not judged"
        if made.holds:
            return "holds"
        if made.rule == "gain" and self._no_gain(made):
            return f"no gain above {made.margin:.3f} was measured"
        if made.queries < self.minimum_queries:
            short = f"fewer than {self.minimum_queries} queries can never vouch"
            return f"cannot tell: {short}" + (f"; {made.needs} would" if made.needs else "")
        if made.needs is None and made.difference <= threshold:
            return (
                "cannot tell: the mean itself is short of what is allowed, more queries would only "
                "help if they went better"
            )
        if made.needs is None:
            return "cannot tell: more than a million such queries would be needed"
        return f"cannot tell: about {made.needs} such queries would"

    def _no_gain(self, made: Comparison) -> bool:
        """Whether a task that must gain did not, on enough queries to expect it.

        The burden of proof lies on the candidate: where the estimate itself shows no gain, more
        labels of the same kind would never promote it, so it is refused rather than left open.
        """
        return (
            made.rule == "gain"
            and made.queries >= self.minimum_queries
            and made.difference <= made.margin
        )

    def _too_costly(self, costs: Costs | None) -> list[str]:
        """Return a sentence for each condition that is not met, or could not be measured."""
        limits = {"latency": self.max_latency_ratio, "size": self.max_size_ratio}
        said = []
        for name, limit in limits.items():
            if limit is None:
                continue
            ratio = costs.ratio(name) if costs else None
            if ratio is None:
                said.append(f"{name}: could not be measured, so max_{name}_ratio does not hold")
            elif ratio > limit:
                said.append(
                    f"{name}: the candidate's is {ratio:.2f} times the champion's, allowed "
                    f"are {limit:g}: too costly"
                )
        return said

    def _verdict(self, comparisons: list[Comparison], costs: Costs | None) -> Verdict:
        refused = [each for each in comparisons if each.fails or self._no_gain(each)]
        others = [each for each in comparisons if each not in refused]
        undecided = [each for each in others if each.judged and not each.holds]
        held = [each for each in others if each.judged and each.holds]
        reported = [each for each in others if not each.judged]
        costly = self._too_costly(costs)
        ordered = [*refused, *undecided, *held, *reported]
        reasons = (*costly, *(each.reason for each in ordered))
        asked = len(comparisons) - len(reported)
        count = f"{len(held)} of {asked} comparisons hold"
        if refused or costly:
            summary = f"rejected: {count}" + (", serving costs too much" if costly else "")
            return Verdict(False, "rejected", (summary, *reasons), (*comparisons,), costs)
        if undecided:
            summary = f"inconclusive: {count}, the data cannot tell the rest"
            return Verdict(False, "inconclusive", (summary, *reasons), (*comparisons,), costs)
        summary = f"promoted: all {asked} comparisons hold"
        return Verdict(True, "promoted", (summary, *reasons), (*comparisons,), costs)
