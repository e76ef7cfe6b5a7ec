"""The hold-out: queries kept out of training to measure the new task."""

import math
from collections.abc import Sequence

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.pair import Pair, hash_share, normalised
from training.settings import SETTINGS


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

    share: float = Field(default=0.2, ge=0.0, le=0.5)
    """Share of the queries to hold out."""
    minimum: int = Field(default=30, ge=0)
    """Minimum number of queries to hold out (never more than half)."""
    maximum: int = Field(default=200, ge=1)
    """Maximum number of queries to hold out."""
    seed: int = 0
    """Seed of the hash."""

    @property
    def filled_by(self) -> int:
        """Distinct queries of which, on average, `maximum` are held out; 0 if none ever is.

        Examples
        --------
        >>> HoldOut().filled_by
        1000
        """
        return math.ceil(self.maximum / self.share) if self.share else 0

    def holds(self, query: str) -> bool:
        """Say whether a query of a served log is held out, whatever else the log holds.

        Logs grow without end, so that neither `minimum` nor `maximum` counts: a query that was once
        measured on never gives a pair later.
        """
        return hash_share(self.seed, "hold-out", normalised(query)) < self.share

    def split(self, pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
        """Return (training pairs, held-out pairs), each in the order given."""
        keys = [normalised(pair.query) for pair in pairs]
        position = {key: hash_share(self.seed, "hold-out", key) for key in set(keys)}
        ordered = sorted(position, key=lambda key: (position[key], key))
        wanted = sum(value < self.share for value in position.values())
        if self.share > 0:
            wanted = min(max(wanted, min(self.minimum, len(ordered) // 2)), self.maximum)
        held = set(ordered[:wanted])
        training = [pair for pair, key in zip(pairs, keys, strict=True) if key not in held]
        return training, [pair for pair, key in zip(pairs, keys, strict=True) if key in held]
