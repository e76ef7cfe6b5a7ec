"""The hold-out of a cycle: as many waiting queries as the gate needs, and those held out before."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Self

from pipeline.cycle.window import checks
from pipeline.gate import queries_for_gain
from pipeline.results import TRAINED, HoldOutResult, Window, each_past_cycle
from pipeline.store import Store
from pipeline.workspace import Tables
from training.pairs import HoldOut, Pair, Split, normalised


@dataclass(frozen=True)
class HeldOutQueries:
    """How a cycle parts the pairs that wait.

    Attributes
    ----------
    worker
        Which queries the settings hold out.
    needed
        How many the gate needs; None where the settings name a share.
    kept
        Queries that an earlier cycle held out while their pairs waited: they are not learned.
    minimum_pairs
        Pairs that must be left to train on, where that is possible.
    reason
        What the number follows from.
    """

    worker: HoldOut
    needed: int | None = None
    kept: frozenset[str] = frozenset()
    minimum_pairs: int = 0
    reason: str = ""

    @classmethod
    def of(cls, tables: Tables, store: Store, window: Window, pairs: list[Pair]) -> Self:
        """Return how the waiting pairs of a window are parted.

        Every candidate starts from the champion, so that a query may be learned that an earlier
        candidate was measured on. That it stays held out all the same keeps what was seen of it, in
        a verdict or in a report, out of training.
        """
        worker = tables.holdout
        if worker.share is not None:
            return cls(worker)
        needs = queries_for_gain(tables.gate, each_past_cycle(store, TRAINED))
        kept = _held_before(worker, store, window, pairs)
        return cls(worker, needs.queries, kept, tables.mix.minimum_pairs, needs.reason)

    def split(self, pairs: list[Pair], *, fewest: bool = False) -> Split:
        """Part the pairs; with `fewest`, hold out a fifth, whatever the gate needs."""
        if self.needed is None or fewest:
            return self.worker.parted(pairs, kept=self.kept)
        queries = len({normalised(pair.query) for pair in pairs})
        # Where a query has several pairs, fewer queries are enough to train on.
        to_train = self.minimum_pairs * queries / max(1, len(pairs))
        return self.worker.parted(pairs, min(self.needed, int(queries - to_train)), self.kept)

    def facts(self, split: Split, apart: int) -> HoldOutResult:
        """Return what is recorded of a split, and how many remembered pairs it keeps apart."""
        held, left = (
            len({normalised(pair.query) for pair in side})
            for side in (split.held_out, split.training)
        )
        told = f"{held} of {held + left} queries are held out: {self.reason}" if self.reason else ""
        if told and held < (self.needed or 0):
            full = held >= self.worker.maximum
            told += "; holdout.maximum allows no more" if full else "; the others are left to learn"
        worker = self.worker
        if not held and left and worker.by in ("document", "group") and worker.filled_by:
            told = f"no query is held out: each {worker.by} joins more than a quarter of them"
        return HoldOutResult(
            reach=split.reach, seed=worker.seed, by=worker.by, apart=apart, reason=told
        )


def _held_before(
    worker: HoldOut, store: Store, window: Window, pairs: list[Pair]
) -> frozenset[str]:
    """Return those of the waiting queries that an earlier cycle held out."""
    earlier = [
        (checked.until, cycle.result.lesson.hold_out.reach)
        for cycle, checked in checks(store, TRAINED, window.after)
        if cycle.result.lesson
        and cycle.result.lesson.hold_out
        and cycle.result.lesson.hold_out.seed == worker.seed
        and cycle.result.lesson.hold_out.by == worker.by
    ]
    if not earlier:
        return frozenset()
    # What arrived up to a window was parted by its reach, and by those of later windows.
    until: list[int] = []
    reach: list[float] = []
    for cut, far in sorted(earlier, reverse=True):
        until.append(cut)
        reach.append(max(far, reach[-1] if reach else far))
    until, reach = until[::-1], reach[::-1]
    arrived = store.sequences_of_pairs([pair.id for pair in pairs])
    positions = worker.positions(pairs)
    held = set()
    for pair in pairs:
        query = normalised(pair.query)
        place = bisect_left(until, arrived.get(pair.id, window.until))
        if place < len(reach) and query in positions and positions[query] <= reach[place]:
            held.add(query)
    return frozenset(held)
