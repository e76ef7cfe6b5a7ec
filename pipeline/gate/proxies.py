"""Proxies: evaluation sets made without labels, and what they may decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pipeline.gate.comparable import is_new, is_proxy, set_of_slice
from pipeline.results import Comparison, Verdict
from training.evaluation import Scorecard

FEWEST_PROXIES = 2
"""Proxies that must show a gain before a promotion may rest on them: each has a bias of its own."""


def rests_on_proxies(scores: Scorecard, minimum_queries: int) -> bool:
    """Return whether a gain can only be shown by proxies: too few queries have labels.

    Parameters
    ----------
    scores
        Scores of either model.
    minimum_queries
        Labelled queries that a new task needs.
    """
    return any(map(is_proxy, scores.tasks)) and not has_new(scores, minimum_queries)


def has_new(scores: Scorecard, minimum_queries: int) -> bool:
    """Return whether a new task with enough labelled queries can show a gain."""
    return any(
        len(found.query_ids) >= minimum_queries
        for task, found in scores.tasks.items()
        if is_new(task) and not set_of_slice(task)
    )


@dataclass(frozen=True)
class Evidence:
    """What the proxies say of a candidate.

    This is the one place that defines when a promotion may rest on them: at least
    `FEWEST_PROXIES` show a gain, and none shows harm.

    Attributes
    ----------
    proxies
        Their comparisons; at further lengths of the vectors a proxy can only show harm.
    """

    proxies: tuple[Comparison, ...]

    @classmethod
    def of(cls, comparisons: Sequence[Comparison]) -> Self:
        """Return the evidence among all comparisons."""
        return cls(tuple(each for each in comparisons if each.rule == "proxy"))

    @property
    def whole(self) -> list[Comparison]:
        """The proxies with whole vectors."""
        return [each for each in self.proxies if set_of_slice(each.task) is None]

    @property
    def gained(self) -> list[Comparison]:
        """The proxies that show a gain."""
        return [each for each in self.whole if each.holds]

    @property
    def harmed(self) -> list[Comparison]:
        """The proxies that show harm."""
        return [each for each in self.proxies if each.fails]

    @property
    def suffices(self) -> bool:
        """Whether a promotion may rest on it."""
        return len(self.gained) >= FEWEST_PROXIES and not self.harmed

    @property
    def none_gained(self) -> bool:
        """Whether no proxy has a higher mean with the candidate."""
        return all(each.difference <= 0 for each in self.whole)

    def told(self) -> str:
        """Return it as part of a sentence."""
        shown = ", ".join(f"{each.task} {each.difference:+.3f}" for each in self.whole)
        harm = "" if not self.harmed else f", {len(self.harmed)} show harm"
        return f"{len(self.gained)} of {len(self.whole)} proxies show a gain{harm} ({shown})"


def settle(verdict: Verdict, evidence: Evidence, *, allowed: bool) -> Verdict:
    """Return the verdict on a candidate whose gain only proxies can show.

    Parameters
    ----------
    verdict
        What everything else says: old tasks, the few labelled queries, costs.
    evidence
        What the proxies say.
    allowed
        Whether a promotion may rest on proxies (`gate.proxies`).
    """
    summary, *others = verdict.reasons
    told = [each.reason for each in sorted(evidence.proxies, key=lambda each: each.holds)]
    settled = verdict.changed(without_labels=True)
    if verdict.outcome == "rejected":
        return settled.changed(reasons=(summary, *others, *told))
    # The evidence can refuse whatever the settings allow.
    if evidence.harmed or evidence.none_gained:
        what = "show harm" if evidence.harmed else "gain nothing"
        lead = f"rejected: judged without labels, by proxies, and they {what}: {evidence.told()}"
        return settled.changed(promote=False, outcome="rejected", reasons=(lead, *told, *others))
    if not evidence.suffices:
        lead = (
            f"inconclusive: without labels at least {FEWEST_PROXIES} proxies must show a gain: "
            f"{evidence.told()}"
        )
        reasons = (lead, *told, *others, _WAY_OUT)
        return settled.changed(promote=False, outcome="inconclusive", reasons=reasons)
    if not verdict.promote:
        return settled.changed(reasons=(summary, *others, *told))
    if not allowed:
        lead = (
            "inconclusive: too few labelled queries show a gain, and a promotion on evidence "
            "without labels is not allowed"
        )
        hint = (
            f"without labels, {evidence.told()} and no old task got worse: to promote on that, "
            'set gate.proxies = "allow" (anchorhold.toml); to settle it with labels, run '
            "`anchorhold judge`"
        )
        reasons = (lead, hint, *told, *others)
        return settled.changed(promote=False, outcome="inconclusive", reasons=reasons)
    lead = f"promoted: without labels, {evidence.told()}; every old task passes"
    return settled.changed(reasons=(lead, *told, *others))


_WAY_OUT = "labels would settle it: run `anchorhold judge`, or add labelled pairs of these queries"


def agreement(evidence: Evidence, comparisons: Sequence[Comparison]) -> str:
    """Say how far the proxies agree with the labels, in sign and size; empty without either."""
    labelled = next((each for each in comparisons if each.task == "new"), None)
    if labelled is None or not evidence.whole:
        return ""
    same = sum((each.difference > 0) == (labelled.difference > 0) for each in evidence.whole)
    shown = ", ".join(f"{each.task} {each.difference:+.3f}" for each in evidence.whole)
    mean = sum(each.difference for each in evidence.whole) / len(evidence.whole)
    return (
        f"proxies beside the labels ({labelled.difference:+.3f} on {labelled.queries} queries): "
        f"{same} of {len(evidence.whole)} agree in sign; {shown}, on average {mean:+.3f}"
    )
