"""A gain on an old task, where a candidate that was not trained has no new task to gain on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.gate.bounds import lower_bound, queries_to_clear
from pipeline.gate.comparable import is_anchor, set_of_slice
from pipeline.gate.proxies import Evidence
from pipeline.results import Verdict
from training.evaluation import Scorecard, TaskScores


@dataclass(frozen=True)
class GainOnOld:
    """What a candidate gains on one anchor set.

    Attributes
    ----------
    task
        The anchor set.
    difference, low
        Mean of candidate minus champion, and its lower bound, corrected for the number of sets.
    queries
        Number of queries.
    needs
        Queries that would let the bound exceed what is required if they differed as those seen do;
        None where it does, or where no number would.
    """

    task: str
    difference: float
    low: float
    queries: int
    needs: int | None


def gains_on_old(
    champion: Scorecard,
    candidate: Scorecard,
    differences: Callable[[TaskScores, TaskScores], NDArray[np.float64]],
    *,
    confidence: float,
    worst_loss: float,
    seed: int,
    required: float,
) -> list[GainOnOld]:
    """Return what each whole anchor set gains, with bounds that hold for all of them at once.

    One gain among several sets is enough, so that chance has several opportunities: each bound is
    at a confidence that leaves its share of the error (Bonferroni).

    Parameters
    ----------
    champion, candidate
        Scores on the same queries.
    differences
        Returns candidate minus champion, per query.
    confidence, worst_loss, seed
        As in `lower_bound`; the confidence that all bounds hold.
    required
        Gain that a bound must exceed.
    """
    tasks = [task for task in champion.tasks if is_anchor(task) and not set_of_slice(task)]
    each_confidence = 1.0 - (1.0 - confidence) / max(1, len(tasks))
    found = []
    for task in tasks:
        paired = differences(champion.tasks[task], candidate.tasks[task])
        low = lower_bound(paired, each_confidence, worst_loss=worst_loss, seed=seed)
        needs = None
        if low <= required:
            needs = queries_to_clear(
                paired, required, each_confidence, worst_loss=worst_loss, seed=seed
            )
        found.append(GainOnOld(task, float(paired.mean()), low, len(paired), needs))
    return found


def with_gain_on_old(
    verdict: Verdict, gains: Sequence[GainOnOld], required: float, minimum: int
) -> tuple[Verdict, bool]:
    """Return the verdict with what the old tasks gain, and whether one of them shows a gain.

    Parameters
    ----------
    verdict
        What everything else says: no old task got worse, costs.
    gains
        What each anchor set gains.
    required
        Gain that one of them must exceed.
    minimum
        Queries that a set needs to show one.

    Examples
    --------
    >>> passed = Verdict(promote=True, outcome="promoted", reasons=("promoted: all pass",))
    >>> better = GainOnOld("anchor/past", 0.05, 0.02, 200, None)
    >>> with_gain_on_old(passed, [better], 0.0, 30)[0].reasons[0]
    'promoted: no old task got worse, and anchor/past gained (+0.050, lower bound +0.020)'
    >>> equal = GainOnOld("anchor/past", 0.0, -0.01, 200, None)
    >>> with_gain_on_old(passed, [equal], 0.0, 30)[0].outcome
    'rejected'
    """
    shown = [each for each in gains if each.low > required and each.queries >= minimum]
    told = ", ".join(
        f"{each.task} {each.difference:+.3f} (lower bound {each.low:+.3f}, {each.queries} queries)"
        for each in gains
    )
    others = verdict.reasons[1:]
    if shown:
        best = max(shown, key=lambda each: each.low)
        gained = f"{best.task} gained ({best.difference:+.3f}, lower bound {best.low:+.3f})"
        if verdict.promote:
            lead = f"promoted: no old task got worse, and {gained}"
            return verdict.changed(reasons=(lead, *others)), True
        return verdict.changed(reasons=(*verdict.reasons, gained)), True
    if not verdict.promote:
        return verdict.changed(reasons=(*verdict.reasons, f"no old task gained: {told}")), False
    none = all(each.difference <= required for each in gains)
    if none:
        lead = f"rejected: no new task has enough labels, and no old task gained: {told}"
        return verdict.changed(promote=False, outcome="rejected", reasons=(lead, *others)), False
    settling = [each.needs for each in gains if each.needs is not None]
    lead = f"inconclusive: no new task has enough labels, and no old task shows a gain: {told}"
    hint = "labelled pairs of recent queries, or `anchorhold judge`, would settle it"
    if settling:
        hint = f"about {min(settling)} queries like these would settle it; {hint}"
    return verdict.changed(
        promote=False, outcome="inconclusive", reasons=(lead, hint, *others)
    ), False


def refuse_harm(verdict: Verdict, evidence: Evidence) -> Verdict:
    """Return the verdict, refused where a proxy shows harm: what nobody labelled can refuse."""
    told = tuple(each.reason for each in evidence.proxies)
    if not (evidence.harmed and verdict.outcome != "rejected"):
        return verdict.changed(reasons=(*verdict.reasons, *told))
    lead = f"rejected: proxies show harm: {evidence.told()}"
    return verdict.changed(
        promote=False, outcome="rejected", reasons=(lead, *verdict.reasons[1:], *told)
    )
