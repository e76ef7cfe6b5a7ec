"""The hold-out: queries kept out of training to measure the new task."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.pair import Pair, hash_share, normalised
from training.pairs.split_units import By, Unit, share_a_unit, units_of
from training.settings import SETTINGS

_SHARE = 0.2
"""Share of the queries of a log, and of pairs where nobody says how many the gate needs."""


@plain_dataclass(frozen=True)
class Split:
    """The two sides of some pairs; what must not be learned may be on neither."""

    training: list[Pair]
    """Pairs to learn from, in the order given."""
    held_out: list[Pair]
    """Pairs to measure on, in the order given."""
    reach: float
    """Position up to which queries are held out, see `HoldOut.positions`; -1: none is."""


@dataclass(frozen=True, config=SETTINGS)
class HoldOut:
    """Keep some queries out of training, to measure the new task.

    A hash of its text decides the side of a query, so that a query is never on both sides and stays
    on its side when the same files are read again. With `by`, all queries of a document or of a
    group are on one side, or the newest queries are held out.

    Examples
    --------
    >>> pairs = [Pair(str(i), f"question {i}", f"answer {i}") for i in range(200)]
    >>> training, held_out = HoldOut().split(pairs)
    >>> len(training) + len(held_out), 30 <= len(held_out) <= 60
    (200, True)
    """

    share: float | None = Field(default=None, ge=0.0, le=0.5, examples=[0.2])
    """Share of the queries to hold out; without it, as many as the gate needs to see a gain.

    Of the queries of a log that gives pairs without labels, it is then 0.2.
    """
    minimum: int = Field(default=30, ge=0)
    """Minimum number of queries to hold out (never more than half)."""
    maximum: int = Field(default=200, ge=1)
    """Maximum number of queries to hold out; the last document or group may exceed it."""
    by: By = "query"
    """What is never on both sides: a query, a document (a positive), a group, or a time.

    "time" holds out the newest queries. What joins more than a quarter of all queries is learned.
    """
    seed: int = 0
    """Seed of the hash."""

    @property
    def filled_by(self) -> int:
        """Distinct queries of which `maximum` are held out on average; 0 if none ever is.

        Where the gate decides how many are held out, these are enough as well.

        Examples
        --------
        >>> HoldOut().filled_by
        1000
        """
        return math.ceil(self.maximum / self._share) if self._share else 0

    def holds(self, query: str) -> bool:
        """Say whether a query of a served log is held out, whatever else the log holds.

        Logs grow without end, so that neither `minimum` nor `maximum` counts: a query that was once
        measured on never gives a pair later.
        """
        return self.position(normalised(query)) < self._share

    def position(self, query: str) -> float:
        """Return the hash of a normalised query, in [0, 1): the lowest ones are held out first."""
        return hash_share(self.seed, "hold-out", query)

    def about(self, queries: int, needed: int | None = None) -> int:
        """Return about how many of so many queries are held out; `needed` as in `parted`.

        Examples
        --------
        >>> HoldOut().about(300), HoldOut().about(300, 177), HoldOut(share=0.1).about(1000, 177)
        (60, 150, 100)
        """
        return self._within(round(self._share * queries), queries, needed)

    def split(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
        """Return (training pairs, held-out pairs), each in the order given."""
        split = self.parted(pairs)
        return split.training, split.held_out

    def parted(
        self, pairs: Sequence[Pair], needed: int | None = None, kept: Collection[str] = ()
    ) -> Split:
        """Return both sides of some pairs.

        Parameters
        ----------
        pairs
            Pairs of any number of queries.
        needed
            Queries to hold out where no `share` is set, within `minimum` and `maximum`, and never
            more than half of all; by default a fifth of them.
        kept
            Normalised queries that were held out before: they are not learned. Those that are not
            held out again are on neither side, so that the hold-out stays a fair sample of all.
        """
        keys = [normalised(pair.query) for pair in pairs]
        units, queries = self._units(pairs), len(set(keys))
        wanted = self._wanted(units, queries, needed)
        held: set[str] = set()
        reach = -1.0
        for unit in units:
            if len(held) >= wanted or len(held) + len(unit.queries) > queries // 2:
                break
            held |= unit.queries
            reach = unit.position
        barred = {*held, *kept}
        return Split(
            [pair for pair, key in zip(pairs, keys, strict=True) if key not in barred],
            [pair for pair, key in zip(pairs, keys, strict=True) if key in held],
            reach,
        )

    def positions(self, pairs: Sequence[Pair]) -> dict[str, float]:
        """Return normalised query -> position, for those that may be held out.

        The lowest are held out first: hashes in [0, 1) or, by time, seconds before a far day.
        """
        return {query: unit.position for unit in self._units(pairs) for query in unit.queries}

    def apart(self, pairs: Sequence[Pair], held_out: Sequence[Pair]) -> list[Pair]:
        """Return other pairs, such as remembered ones, without those that share a unit.

        Examples
        --------
        >>> held_out = [Pair("1", "how do I pay", "by card", group="ann")]
        >>> memory = [Pair("2", "lost", "block it", group="ann"), Pair("3", "hours", "at nine")]
        >>> [pair.id for pair in HoldOut(by="group").apart(memory, held_out)]
        ['3']
        """
        if self.by in ("query", "time"):
            return list(pairs)
        shared = share_a_unit(pairs, held_out, self.by)
        return [pair for pair, on_both in zip(pairs, shared, strict=True) if not on_both]

    def _units(self, pairs: Sequence[Pair]) -> list[Unit]:
        units = units_of(pairs, self.by, self.seed)
        largest = max(1, sum(len(unit.queries) for unit in units) // 4)
        return [unit for unit in units if len(unit.queries) <= largest]

    @property
    def _share(self) -> float:
        return _SHARE if self.share is None else self.share

    def _wanted(self, units: Sequence[Unit], queries: int, needed: int | None) -> int:
        drawn = round(self._share * queries)
        if self.by == "query":
            drawn = sum(unit.position < self._share for unit in units)
        return self._within(drawn, queries, needed)

    def _within(self, drawn: int, queries: int, needed: int | None) -> int:
        half = queries // 2
        if self.share is None and needed is not None:
            return min(max(needed, self.minimum), self.maximum, half)
        return min(max(drawn, min(self.minimum, half)), self.maximum) if self._share else 0
