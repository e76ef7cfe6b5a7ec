"""Cycles that are finished, read back from the store."""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from pipeline.results.cycle import CycleResult, Outcome
from pipeline.store import CycleRow, Store


@dataclass(frozen=True)
class PastCycle:
    """A finished cycle: its identifier, when it began, and its result."""

    id: str
    started: datetime
    result: CycleResult


_AT_ONCE = 50
"""Cycles that are read at once; most readers need the newest ones only."""


def each_past_cycle(
    store: Store, outcomes: Collection[Outcome] | None = None
) -> Iterator[PastCycle]:
    """Yield the finished cycles, newest first, and read no more of them than are asked for.

    Parameters
    ----------
    store
        Where they are.
    outcomes
        Which outcomes count; by default, all.
    """
    for start in itertools.count(0, _AT_ONCE):
        rows = store.cycles(_AT_ONCE, outcomes, offset=start)
        yield from (_past(row) for row in rows if row.outcome)
        if len(rows) < _AT_ONCE:
            return


def past_cycles(
    store: Store, limit: int | None = None, outcomes: Collection[Outcome] | None = None
) -> list[PastCycle]:
    """Return the finished cycles, newest first.

    Parameters
    ----------
    store
        Where they are.
    limit
        How many of the newest are read.
    outcomes
        Which outcomes count; by default, all, and an unfinished cycle counts towards the limit.
    """
    return [_past(row) for row in store.cycles(limit, outcomes) if row.outcome]


def _past(row: CycleRow) -> PastCycle:
    return PastCycle(row.id, row.started, CycleResult.of_store(row.result))
