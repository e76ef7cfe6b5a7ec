"""The hold-out: queries kept out of training to measure the new task."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.pair import Pair, hash_share, normalised
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
    """Position up to which queries are held out because of their hash, in [0, 1); -1: none is."""


@dataclass(frozen=True, config=SETTINGS)
class HoldOut:
    """Keep some queries out of training, to measure the new task.

    A hash of its text decides the side of a query, so that a query is never on both sides and stays
    on its side when the same files are read again.

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
    """Maximum number of queries to hold out."""
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
        position = {key: self.position(key) for key in set(keys)}
        ordered = sorted(position, key=lambda key: (position[key], key))
        reached = ordered[: self._wanted(list(position.values()), needed)]
        held, barred = set(reached), {*reached, *kept}
        return Split(
            [pair for pair, key in zip(pairs, keys, strict=True) if key not in barred],
            [pair for pair, key in zip(pairs, keys, strict=True) if key in held],
            position[reached[-1]] if reached else -1.0,
        )

    @property
    def _share(self) -> float:
        return _SHARE if self.share is None else self.share

    def _wanted(self, positions: Sequence[float], needed: int | None) -> int:
        drawn = sum(value < self._share for value in positions)
        return self._within(drawn, len(positions), needed)

    def _within(self, drawn: int, queries: int, needed: int | None) -> int:
        half = queries // 2
        if self.share is None and needed is not None:
            return min(max(needed, self.minimum), self.maximum, half)
        return min(max(drawn, min(self.minimum, half)), self.maximum) if self._share else 0
