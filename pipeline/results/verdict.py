"""The verdict on a candidate: every comparison, what serving costs, and what looks wrong."""

import math
from typing import Literal

from pydantic import computed_field

from pipeline.results.result import Result
from training.evaluation import SOFT

Rule = Literal["gain", "no worse", "floor", "proxy"]
"""Gain over the champion; no worse than the champion; no worse than the origin; gain on a proxy."""


def threshold_of(rule: Rule, margin: float) -> float:
    """Return what the lower bound of the difference must exceed.

    Examples
    --------
    >>> threshold_of("gain", 0.01), threshold_of("no worse", 0.02)
    (0.01, -0.02)
    """
    return margin if rule in ("gain", "proxy") else -margin


def metric_name(metric: str) -> str:
    """Return a metric as people write it.

    Examples
    --------
    >>> metric_name("ndcg_at_10"), metric_name("map")
    ('nDCG@10', 'map')
    """
    names = {
        "ndcg_at_10": "nDCG@10",
        SOFT: "soft nDCG@10",
        "mrr_at_10": "MRR@10",
        "recall_at_10": "recall@10",
    }
    return names.get(metric, metric)


class MetricBeside(Result):
    """The same comparison by another metric, which decides nothing.

    Attributes
    ----------
    metric
        Name of the metric.
    champion, candidate
        Means over the queries; for the rule "floor", `champion` is the origin's mean.
    difference
        Mean of candidate minus champion, paired by query.
    low, high
        One-sided bounds of the mean difference, each at the gate's confidence.
    """

    metric: str
    champion: float
    candidate: float
    difference: float
    low: float
    high: float


class Comparison(Result):
    """One task of the candidate beside the champion's, or the origin's where the rule is "floor".

    Attributes
    ----------
    task
        "new", "new/<name>", "anchor/<name>", "anchor/<name>/<slice>" or, made without labels,
        "proxy/<name>".
    metric
        Name of the metric that decides, in [0, 1], higher is better.
    champion, candidate
        Means over the queries; for the rule "floor", `champion` is the origin's mean.
    difference
        Mean of candidate minus champion, paired by query.
    low, high
        One-sided bounds of the mean difference, each at the gate's confidence.
    queries
        Number of queries.
    holds
        Whether the task passes: the data support the rule, or, where `judged` is false, they show
        no harm.
    needs
        Queries that would let the lower bound clear the threshold if they differed as those seen
        do; None where the task passes, or where the mean itself is short of the threshold.
    rule, margin
        What is required: low > margin for "gain" and "proxy", low > -margin otherwise.
    spread
        Standard deviation of the paired differences.
    visible
        Smallest drop that this set detects at 80 % power, with this spread.
    reason
        The comparison in one sentence.
    judged
        Whether the candidate depends on the data supporting the rule; a slice that is too small for
        that can only speak against it, and proxies are counted together.
    beside
        The same by a metric that decides nothing; None where the scores have no other.
    """

    task: str
    metric: str
    champion: float
    candidate: float
    difference: float
    low: float
    high: float
    queries: int
    holds: bool
    needs: int | None
    rule: Rule
    margin: float
    spread: float
    visible: float
    reason: str
    judged: bool = True
    beside: MetricBeside | None = None

    @property
    def fails(self) -> bool:
        """Whether the data show that the rule is broken, rather than leave it open."""
        return not self.holds and self.high < threshold_of(self.rule, self.margin)


class ServingCost(Result):
    """What serving one model costs: median seconds for the same texts, bytes of its weights."""

    seconds: float
    bytes: int


class ServingCosts(Result):
    """What serving costs with champion and candidate.

    Examples
    --------
    >>> before = ServingCost(seconds=0.2, bytes=1000)
    >>> costs = ServingCosts(champion=before, candidate=ServingCost(seconds=0.3, bytes=1000))
    >>> round(costs.latency_ratio, 3), costs.size_ratio
    (1.5, 1.0)
    """

    champion: ServingCost
    candidate: ServingCost

    @computed_field  # type: ignore[prop-decorator]
    @property
    def latency_ratio(self) -> float | None:
        """The candidate's seconds divided by the champion's; None if unknown."""
        return _ratio(self.candidate.seconds, self.champion.seconds)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size_ratio(self) -> float | None:
        """The candidate's bytes divided by the champion's; None if unknown."""
        return _ratio(self.candidate.bytes, self.champion.bytes)


def _ratio(after: float, before: float) -> float | None:
    known = math.isfinite(before) and math.isfinite(after) and before > 0 and after > 0
    return float(after / before) if known else None


class Reuse(Result):
    """How many candidates an anchor set has judged, by the digest of its content."""

    anchor: str
    identity: str
    judged: int


class Suspect(Result):
    """One part of a refused batch, suspected or not.

    Attributes
    ----------
    group, name
        "source", "file" or "cluster", and which.
    pairs
        Pairs of the batch in it.
    agreement
        How often the champion ranks a pair's own answer before another answer of the group, in
        [0, 1]; 0.5 is chance.
    difference, low, high
        Candidate minus champion on the held-out queries of the group, with one-sided bounds; None
        where there are fewer than two.
    queries
        Held-out queries of the group.
    suspected
        Whether the measures speak against it.
    reason
        The measures in one sentence.
    """

    group: Literal["source", "file", "cluster"]
    name: str
    pairs: int
    agreement: float
    difference: float | None
    low: float | None
    high: float | None
    queries: int
    suspected: bool
    reason: str


class Verdict(Result):
    """What the gate says of a candidate.

    Attributes
    ----------
    promote
        Whether the candidate may become the champion.
    outcome
        "rejected" where the data speak against it or cannot be trusted; "inconclusive" where there
        is too little data to decide.
    reasons
        Sentences; the first sums up, those that decided come before the others.
    comparisons
        One per task and rule.
    costs
        What serving costs with champion and candidate, where it was measured.
    reuse
        How often each anchor set has been used.
    suspects
        Which part of the new pairs may have done harm, where the candidate was not promoted.
    without_labels
        Whether it rests on proxies, because too few queries have labels.
    confidence
        Of each one-sided bound, in (0, 1); None where nothing was compared or it was not recorded.
    """

    promote: bool
    outcome: Literal["promoted", "rejected", "inconclusive"]
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    costs: ServingCosts | None = None
    reuse: tuple[Reuse, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    without_labels: bool = False
    confidence: float | None = None
