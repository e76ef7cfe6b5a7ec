"""The chance to pass one comparison, and all comparisons of a candidate at once."""

import math
from collections import defaultdict
from collections.abc import Iterable

from pipeline.gate.chances import chance_to_pass, proposed_margin, proposed_queries
from pipeline.gate.comparable import evaluation_set
from pipeline.gate.gate import Gate
from pipeline.results import PassChance, Rule, threshold_of


def estimate(
    gate: Gate,
    task: str,
    rule: Rule,
    *,
    queries: int,
    margin: float,
    expected: float,
    spread: float,
    basis: str,
) -> PassChance:
    """Return the chance of one comparison, and what it would take for four of five to pass.

    The parameters are the attributes of `PassChance`.

    Examples
    --------
    >>> made = estimate(Gate(), "anchor/past", "no worse", queries=100, margin=0.02, expected=0.0,
    ...     spread=0.16, basis="assumed")
    >>> print(f"{made.chance:.1f} {made.proposed_margin:g}")
    0.2 0.05
    """
    threshold = threshold_of(rule, margin)
    by_margin = rule != "gain"
    return PassChance(
        task=task,
        rule=rule,
        queries=queries,
        margin=margin,
        expected=expected,
        spread=spread,
        basis=basis,
        chance=chance_to_pass(gate, queries, threshold, spread=spread, mean=expected),
        proposed_margin=(
            proposed_margin(gate, queries, spread=spread, mean=expected) if by_margin else None
        ),
        proposed_queries=proposed_queries(gate, threshold, spread=spread, mean=expected),
    )


def again(
    gate: Gate, made: PassChance, *, queries: int | None = None, margin: float | None = None
) -> PassChance:
    """Return the same comparison with another number of queries or another margin."""
    return estimate(
        gate,
        made.task,
        made.rule,
        queries=made.queries if queries is None else queries,
        margin=made.margin if margin is None else margin,
        expected=made.expected,
        spread=made.spread,
        basis=made.basis,
    )


def joint(tasks: Iterable[PassChance]) -> float:
    """Return the probability that a candidate passes all of these comparisons.

    Different sets have different queries, so that chance errs independently on them: their chances
    are multiplied. Of comparisons on the same queries (the whole set, the origin, shorter vectors)
    the least chance counts; the slices of one column share no query and are multiplied.
    """
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(lambda: 1.0))
    for each in tasks:
        name = evaluation_set(each.task)
        column, sliced, _ = each.task.removeprefix(name).partition("=")
        key = column if sliced else f"{each.rule} {each.task}"
        parts[name][key] *= each.chance
    return math.prod(min(chances.values()) for chances in parts.values())
