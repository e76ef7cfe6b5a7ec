"""Cycles that are finished, read back from the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pipeline.results.cycle import CycleResult, Outcome
from pipeline.store import Store


@dataclass(frozen=True)
class PastCycle:
    """A finished cycle: its identifier, when it began, and its result."""

    id: str
    started: datetime
    result: CycleResult


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
    return [
        PastCycle(row.id, row.started, CycleResult.model_validate(row.result))
        for row in store.cycles(limit, outcomes)
        if row.outcome
    ]
