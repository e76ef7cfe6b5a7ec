"""Gain power: how many queries the gate needs to see a gain on the new task."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.gate.bounds import MOST_QUERIES
from pipeline.gate.earlier import last_comparison
from pipeline.gate.gate import Gate
from pipeline.results import PastCycle

PLANNED_GAIN = 0.05
"""Gain of nDCG@10 on a new task that must be seen, unless the last one was smaller.

Where there was something to learn, the gains measured were 0.045 to 0.112
(docs/measurements/training.md).
"""
PLANNED_SPREAD = 0.25
"""Spread of differences on a new task before a cycle has measured it; chosen, not measured.

docs/measurements/gate.md shows what follows where it is 0.20 or 0.30.
"""


@dataclass(frozen=True)
class NeededQueries:
    """How many queries the new task needs.

    Attributes
    ----------
    queries
        Their number.
    reason
        What it follows from, as part of a sentence.
    """

    queries: int
    reason: str


def queries_for_gain(gate: Gate, cycles: Iterable[PastCycle]) -> NeededQueries:
    """Return how many queries of the new task the gate needs.

    They let it see, at 80 % power, a gain like the last one that was measured, or `PLANNED_GAIN`
    where that was larger: the next new task may be closer to what is known. There are at least as
    many as let the new task support later candidates: on promotion it becomes an anchor set.

    Parameters
    ----------
    gate
        Its confidence, its required gain and its margin count.
    cycles
        Newest first; no more are read than it takes to find one whose new task was judged.

    Examples
    --------
    >>> print(queries_for_gain(Gate(), []).reason)
    about 177 queries show a gain of 0.050 at 80 % power (spread 0.250, assumed)
    """
    gain, spread, basis = _expected(gate, cycles)
    seen = gate.queries_to_see(gain, spread) or MOST_QUERIES
    supporting = _supporting(gate)
    reason = (
        f"about {seen} queries show a gain of {gate.min_gain + gain:.3f} at 80 % power "
        f"(spread {spread:.3f}, {basis})"
    )
    if supporting > seen:
        reason += f", and {supporting} are the fewest that support a later candidate"
    return NeededQueries(max(seen, supporting), reason)


def _expected(gate: Gate, cycles: Iterable[PastCycle]) -> tuple[float, float, str]:
    """Return the gain above the required one, the spread, and where they come from."""
    made, basis = last_comparison(cycles, "new", "gain", gate.minimum_queries)
    if made is None:
        return PLANNED_GAIN, PLANNED_SPREAD, basis
    # A candidate that gained nothing says how differences scatter, not what to expect.
    above = made.difference - gate.min_gain
    return min(above, PLANNED_GAIN) if above > 0 else PLANNED_GAIN, made.spread, basis


def _supporting(gate: Gate) -> int:
    """Return how many queries let a candidate pass that ranks every one alike (rule of three)."""
    if gate.max_drop <= 0:
        return 0
    if gate.worst_loss <= gate.max_drop:
        return gate.minimum_queries
    fewest = math.log(1 - gate.confidence) / math.log(1 - gate.max_drop / gate.worst_loss)
    queries = max(gate.minimum_queries, math.floor(fewest) + 1)
    while not gate.can_support(queries, gate.max_drop):
        queries += 1  # the gate's bound is off by its random draws
    return queries
