"""What the gate says: each comparison, the verdict, and what was asked."""

from dataclasses import asdict
from dataclasses import dataclass as plain_dataclass
from typing import Any, Literal

from pipeline.gate.serving_costs import Costs

Rule = Literal["gain", "no worse", "floor"]
"""Gain over the champion; no worse than the champion; no worse than the origin."""


@plain_dataclass(frozen=True)
class Comparison:
    """One task of the candidate beside the champion's, or the origin's where the rule is "floor".

    Attributes
    ----------
    task
        "new", "new/<name>", "anchor/<name>" or "anchor/<name>/<slice>".
    metric
        Name of the metric, in [0, 1], higher is better.
    champion, candidate
        Means over the queries; for the rule "floor", `champion` is the origin's mean.
    difference
        Mean of candidate minus champion, paired by query.
    low, high
        One-sided bounds of the mean difference, each at the gate's confidence.
    queries
        Number of queries.
    holds
        Whether the data vouch for the rule; where that is not asked, whether they show no harm.
    needs
        Queries that would let the lower bound clear the threshold if they differed as those seen
        do; None where it holds, or where the mean seen is itself short of the threshold.
    rule, margin
        What is asked: low > margin for "gain", low > -margin otherwise.
    spread
        Standard deviation of the paired differences.
    visible
        Smallest drop that this set can see at 80 % power, with this spread.
    reason
        The comparison in one sentence.
    judged
        Whether the candidate depends on the data vouching for the rule; a slice that is too small
        for that can only speak against it.
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

    @property
    def fails(self) -> bool:
        """Whether the data tell that the rule is broken, rather than leave it open."""
        return not self.holds and self.high < _threshold(self.rule, self.margin)


@plain_dataclass(frozen=True)
class Verdict:
    """What the gate says, with every comparison and reason.

    Attributes
    ----------
    promote
        Whether the candidate may become the champion.
    outcome
        "rejected" where the data speak against it or cannot be trusted; "inconclusive" where they
        cannot tell.
    reasons
        Sentences; the first sums up, those that decided come before the others.
    comparisons
        One a task and rule.
    costs
        What serving costs with champion and candidate, where it was measured.
    """

    promote: bool
    outcome: Literal["promoted", "rejected", "inconclusive"]
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    costs: Costs | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, texts and numbers."""
        return {
            "promote": self.promote,
            "outcome": self.outcome,
            "reasons": list(self.reasons),
            "comparisons": [asdict(each) for each in self.comparisons],
            "costs": self.costs.to_json() if self.costs else None,
        }


def _threshold(rule: Rule, margin: float) -> float:
    return margin if rule == "gain" else -margin


def _metric_name(metric: str) -> str:
    return {"ndcg_at_10": "nDCG@10", "mrr_at_10": "MRR@10", "recall_at_10": "recall@10"}.get(
        metric, metric
    )
