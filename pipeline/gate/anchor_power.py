"""Anchor power: how small a drop each anchor set detects, and how often it has been used."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pipeline.gate.chances import chance_to_pass, proposed_margin
from pipeline.gate.earlier import Earlier
from pipeline.gate.gate import Gate
from pipeline.gate.sentences import hundred
from pipeline.results import AnchorPower, PastCycle, Reuse
from training.evaluation import LEARNED, EvaluationSet


def times_judged(cycles: Sequence[PastCycle]) -> Counter[str]:
    """Return digest of an anchor set -> candidates that the gate judged on it, ever."""
    found: Counter[str] = Counter()
    for cycle in cycles:
        verdict = cycle.result.verdict
        if verdict is not None and verdict.comparisons:
            found.update(each.identity for each in verdict.reuse)
    return found


def reuse_of(anchors: Sequence[EvaluationSet], earlier: Mapping[str, int]) -> tuple[Reuse, ...]:
    """Count one more judgement on each anchor set."""
    return tuple(
        Reuse(
            anchor=each.name,
            identity=each.digest,
            judged=earlier.get(each.digest, 0) + 1,
        )
        for each in anchors
    )


def overused(reuse: Sequence[Reuse], gate: Gate) -> list[str]:
    """Return a warning for each anchor set that judged more candidates than its budget."""
    return [
        overuse_warning(each.anchor, each.judged, gate)
        for each in reuse
        if each.judged > gate.reuse_budget
    ]


def overuse_warning(anchor: str, judged: int, gate: Gate) -> str:
    """Return the warning for an anchor set that judged more candidates than its budget."""
    expected = judged * (1.0 - gate.confidence)
    learned = anchor.startswith(LEARNED)
    advice = (
        "label fresh queries of that task as an anchor set of their own"
        if learned
        else "replace its queries with fresh ones"
    )
    return (
        f"{anchor} is overused: it has judged {judged} candidates (reuse_budget "
        f"{gate.reuse_budget}); had all of them been harmful, {expected:.2f} would have passed by "
        f"chance on average at {100 * gate.confidence:g} % confidence, and at least one with a "
        f"probability of up to {min(1.0, expected):.0%}; {advice}"
    )


def anchor_powers(
    anchors: Sequence[EvaluationSet],
    gate: Gate,
    margins: Mapping[str, float],
    cycles: Sequence[PastCycle],
) -> list[AnchorPower]:
    """Return what each anchor set can support, with the spreads of the last judged candidate.

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
        spread, spread_from = Earlier(cycles).spread(each.name)
        margin = gate.margin_of(each.name, margins)
        judged = earlier[each.digest]
        queries = len(each.queries)
        visible = gate.visible_drop(queries, spread)
        made = AnchorPower(
            anchor=each.name,
            queries=queries,
            max_drop=margin,
            visible=visible,
            spread=spread,
            spread_from=spread_from,
            needs=gate.queries_to_see(margin, spread),
            can_vouch=gate.can_support(queries, margin),
            meaningful=visible <= margin,
            judged=judged,
            budget=gate.reuse_budget,
            worn=judged > gate.reuse_budget,
            reason="",
            chance=chance_to_pass(gate, queries, -margin, spread=spread),
            proposed_margin=proposed_margin(gate, queries, spread=spread),
        )
        found.append(made.changed(reason=_sentence(made)))
    return found


def _sentence(made: AnchorPower) -> str:
    basis = f"spread {made.spread:.3f}, {made.spread_from}"
    drop, wanted = f"{made.visible:.3f}", f"max_drop {made.max_drop:g}"
    enough = f"about {made.needs} queries are needed" if made.needs else "no number would be enough"
    margin = made.proposed_margin
    wider = f", or max_drop = {margin:g}" if margin and margin > made.max_drop else ""
    if not made.can_vouch:
        return (
            f"{made.anchor}: {made.queries} queries are too few for any candidate to pass at "
            f"{wanted}, even one that ranks every query alike; {enough}{wider} ({basis})"
        )
    if not made.meaningful:
        stay = hundred(1.0 - (made.chance or 0.0))
        return (
            f"{made.anchor}: at {wanted}, {stay} of 100 equal candidates would stay inconclusive "
            f"with its {made.queries} queries; {enough}{wider} ({basis})"
        )
    return (
        f"{made.anchor}: {made.queries} queries detect drops of {drop} or more at 80 % power "
        f"({basis})"
    )
