"""Cycles that are finished, read back from the store."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.results.cycle import CycleResult
from pipeline.store import Store


@dataclass(frozen=True)
class PastCycle:
    """A finished cycle: its identifier, when it began, and its result."""

    id: str
    started: datetime
    result: CycleResult


def past_cycles(store: Store, limit: int | None = None) -> list[PastCycle]:
    """Return the finished cycles, newest first; at most `limit` of the newest cycles are read."""
    return [
        PastCycle(row.id, row.started, CycleResult.model_validate(row.result))
        for row in store.cycles(limit)
        if row.outcome
    ]
