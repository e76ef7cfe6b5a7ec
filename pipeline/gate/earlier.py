"""What earlier cycles tell of candidates to come: spreads, gains, the floor, the rhythm."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipeline.gate.comparable import set_of_slice
from pipeline.results import Comparison, PastCycle, Rule
from training.evaluation import dimensions_of

ASSUMED = "assumed"
ASSUMED_SPREAD = 0.16
"""Spread of paired differences of nDCG@10 where a fifth of the ranks move (benchmarks/gate.py)."""

ASSUMED_GAIN = 0.07
"""Gain of a new task in nDCG@10: the median of six collections (docs/measurements/training.md).

The hold-out is sized for a smaller one, `PLANNED_GAIN`.
"""

_YEAR = timedelta(days=365)
_FEWEST_CYCLES = 3
_SHORTEST = timedelta(days=30)
"""So many candidates, this far apart from first to last, tell a rhythm; chosen, not measured."""
_PER_YEAR = 12.0


@dataclass(frozen=True)
class Earlier:
    """What earlier cycles tell of candidates to come.

    Attributes
    ----------
    cycles
        Cycles that trained, newest first.
    champion
        Number of the version that serves; None where there is none yet.
    """

    cycles: Sequence[PastCycle] = ()
    champion: int | None = None

    def last(self, task: str, rule: Rule) -> tuple[Comparison | None, str]:
        """Return the newest such comparison, and the name of its cycle."""
        return last_comparison(self.cycles, task, rule)

    def spread(self, task: str) -> tuple[float, str]:
        """Return the spread of the last judged candidate on a task, or else on its set."""
        for name in (task, set_of_slice(task)):
            made, basis = self.last(name, "no worse") if name else (None, ASSUMED)
            if made is not None:
                return made.spread, basis
        return ASSUMED_SPREAD, ASSUMED

    def gains(self) -> tuple[list[Comparison], str] | None:
        """Return how the last verdict compared the new task; None where there is no verdict."""
        newest = self._newest
        if newest is None:
            return None
        made, basis = newest
        return [each for each in made if each.rule == "gain" and each.judged], basis

    def lengths(self) -> tuple[list[Comparison], str]:
        """Return the comparisons of old tasks at further lengths of the vectors."""
        made, basis = self._newest or ((), ASSUMED)
        further = [each for each in made if dimensions_of(each.task) is not None]
        return [each for each in further if each.rule == "no worse" and each.judged], basis

    def floors(self) -> Iterator[tuple[Comparison, float, str]]:
        """Yield each comparison with the origin, what the champion has gained on it, and the cycle.

        Nothing is known where the champion did not take part in the last verdict.
        """
        cycle = next((each for each in self.cycles if _compared(each)), None)
        if cycle is None or self.champion is None:
            return
        candidate, made = cycle.result.candidate, _compared(cycle)
        promoted = candidate is not None and candidate.version == self.champion
        if not promoted and cycle.result.champion.version != self.champion:
            return
        before = {each.task: each.champion for each in made if each.rule == "no worse"}
        for each in made:
            if each.rule == "floor" and each.judged and each.task in before:
                gained = each.difference if promoted else before[each.task] - each.champion
                yield each, gained, f"cycle {cycle.id}"

    def per_year(self) -> tuple[float, bool]:
        """Return the candidates per year, and whether one per month is assumed."""
        times = [each.started for each in self.cycles if _compared(each)]
        if len(times) < _FEWEST_CYCLES or times[0] - times[-1] < _SHORTEST:
            return _PER_YEAR, True
        return (len(times) - 1) * (_YEAR / (times[0] - times[-1])), False

    @property
    def _newest(self) -> tuple[tuple[Comparison, ...], str] | None:
        for cycle in self.cycles:
            if made := _compared(cycle):
                return made, f"cycle {cycle.id}"
        return None


def last_comparison(
    cycles: Iterable[PastCycle], task: str, rule: Rule, at_least: int = 0
) -> tuple[Comparison | None, str]:
    """Return the newest comparison of a task by a rule, and the name of its cycle.

    Parameters
    ----------
    cycles
        Newest first; no more are read than it takes to find it.
    task, rule
        What was compared.
    at_least
        Queries that it must have.
    """
    for cycle in cycles:
        for made in _compared(cycle):
            if (made.task, made.rule) == (task, rule) and made.queries >= at_least:
                return made, f"cycle {cycle.id}"
    return None, ASSUMED


def _compared(cycle: PastCycle) -> tuple[Comparison, ...]:
    verdict = cycle.result.verdict
    return verdict.comparisons if verdict else ()
