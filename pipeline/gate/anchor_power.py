"""What each anchor set can vouch for: how small a drop it sees, and how often it was asked."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pipeline.gate.gate import Gate
from pipeline.store import CycleRow
from training.evaluation import EvaluationSet

ASSUMED_SPREAD = 0.16
"""Spread of paired differences of nDCG@10 where a fifth of the ranks move (benchmarks/gate.py)."""


@dataclass(frozen=True)
class Vouching:
    """What one anchor set is good for today.

    Attributes
    ----------
    anchor
        Its task name.
    queries
        Its size.
    max_drop
        What it may lose.
    visible
        Smallest drop that it sees at 80 % power; an equal candidate fails to pass more often than
        one time in five where this is above `max_drop`.
    spread, spread_from
        Standard deviation of the paired differences that this rests on, and the cycle that measured
        it, or "assumed".
    needs
        Queries from which it would see a drop of `max_drop`; None beyond a million.
    can_vouch
        Whether it could vouch at all, if a candidate ranked every query alike.
    meaningful
        Whether it sees a drop of `max_drop`.
    judged, budget, worn
        Candidates judged on the same queries so far, how many wear it out, and whether they did.
    reason
        All this in one sentence.
    """

    anchor: str
    queries: int
    max_drop: float
    visible: float
    spread: float
    spread_from: str
    needs: int | None
    can_vouch: bool
    meaningful: bool
    judged: int
    budget: int
    worn: bool
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers and texts."""
        return asdict(self)


def identity(given: EvaluationSet) -> str:
    """Return the digest of an anchor set's queries, corpus and judgements, however it is sliced."""
    return replace(given, slices={}).digest


def times_judged(cycles: Iterable[CycleRow]) -> Counter[str]:
    """Return identity of an anchor set -> candidates that the gate judged on it, ever."""
    found: Counter[str] = Counter()
    for row in cycles:
        verdict = row.result.get("verdict") or {}
        if not verdict.get("comparisons"):
            continue
        if "reuse" in verdict:
            found.update(each["identity"] for each in verdict["reuse"])
        else:  # A cycle from before anchor sets were counted names its data sets.
            data = (row.result.get("lesson") or {}).get("data_sets", ())
            found.update(digest for name, digest, *_ in data if name.startswith("anchor/"))
    return found


def reuse_of(
    anchors: Sequence[EvaluationSet], earlier: Counter[str], gate: Gate
) -> tuple[list[dict[str, Any]], list[str]]:
    """Count one more judgement on each anchor set.

    Returns
    -------
    tuple
        Anchor, identity and count of each, for the record; a warning for each that is worn out.
    """
    counts, warnings = [], []
    for each in anchors:
        known = identity(each)
        judged = earlier[known] + 1
        counts.append({"anchor": each.name, "identity": known, "judged": judged})
        if judged > gate.reuse_budget:
            warnings.append(worn_out(each.name, judged, gate))
    return counts, warnings


def worn_out(anchor: str, judged: int, gate: Gate) -> str:
    """Return the warning for an anchor set that judged more candidates than its budget."""
    expected = judged * (1.0 - gate.confidence)
    learned = anchor.startswith("anchor/learned-")
    advice = (
        "label fresh queries of that task as an anchor set of their own"
        if learned
        else "put fresh queries in the place of its own"
    )
    return (
        f"{anchor} is worn out: it has judged {judged} candidates (reuse_budget "
        f"{gate.reuse_budget}); had all been harmful, {expected:.2f} would have passed by noise on "
        f"average at {100 * gate.confidence:g} % confidence, and at least one with a chance of up "
        f"to {min(1.0, expected):.0%}; {advice}"
    )


def vouching(
    anchors: Sequence[EvaluationSet],
    gate: Gate,
    margins: Mapping[str, float],
    cycles: Sequence[CycleRow],
) -> list[Vouching]:
    """Return what each anchor set is good for, with the spreads of the last judged candidate.

    Parameters
    ----------
    anchors
        The sets in force.
    margins
        Margins of single sets, as `Gate.judge` takes them.
    cycles
        Newest first.
    """
    earlier = times_judged(cycles)
    found = []
    for each in anchors:
        spread, spread_from = _spread(each.name, cycles)
        margin = gate.margin_of(each.name, margins)
        judged = earlier[identity(each)]
        queries = len(each.queries)
        visible = gate.visible_drop(queries, spread)
        made = Vouching(
            anchor=each.name,
            queries=queries,
            max_drop=margin,
            visible=visible,
            spread=spread,
            spread_from=spread_from,
            needs=gate.queries_to_see(margin, spread),
            can_vouch=gate.can_vouch(queries, margin),
            meaningful=visible <= margin,
            judged=judged,
            budget=gate.reuse_budget,
            worn=judged > gate.reuse_budget,
            reason="",
        )
        found.append(replace(made, reason=_sentence(made)))
    return found


def _spread(anchor: str, cycles: Sequence[CycleRow]) -> tuple[float, str]:
    for row in cycles:
        for each in (row.result.get("verdict") or {}).get("comparisons", ()):
            if (each["task"], each["rule"]) == (anchor, "no worse"):
                return float(each["spread"]), f"cycle {row.id}"
    return ASSUMED_SPREAD, "assumed"


def _sentence(made: Vouching) -> str:
    basis = f"spread {made.spread:.3f}, {made.spread_from}"
    drop, wanted = f"{made.visible:.3f}", f"max_drop {made.max_drop:g}"
    enough = f"about {made.needs} queries would" if made.needs else "no number of queries would"
    if not made.can_vouch:
        return (
            f"{made.anchor}: {made.queries} queries can never vouch at {wanted}, not even for a "
            f"candidate that ranks every query alike; {enough} see such a drop ({basis})"
        )
    if not made.meaningful:
        return (
            f"{made.anchor}: {made.queries} queries see drops from {drop} on at 80 % power "
            f"({basis}); at {wanted} the gate is not meaningful here: of equal candidates more "
            f"than one in five would stay inconclusive; {enough} do"
        )
    return f"{made.anchor}: {made.queries} queries see drops from {drop} on at 80 % power ({basis})"
