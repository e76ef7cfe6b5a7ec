"""Waiting pairs: how many of those that no version has learned yet one cycle uses."""

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Self

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.hold_out import HoldOut
from training.pairs.memory import fair_shares
from training.settings import SETTINGS

_LEAST = 5000
"""As many pairs as the memory keeps of all that a version learns (`memory.capacity`)."""
_TIMES_FILLED = 5
"""Chosen, not measured: more than fill the hold-out give the gate nothing, and are for learning."""


@plain_dataclass(frozen=True)
class PerSource:
    """How many of the waiting pairs of each source are used, at most."""

    newest: int
    """Number of its newest pairs; each query counts once before any counts again."""
    spread: int
    """Number of its older pairs, spread over their time by the hash of their content."""
    divided: bool = True
    """Whether each source has these places to itself; otherwise all sources share them."""


@dataclass(frozen=True, config=SETTINGS)
class Waiting:
    """Limit how many waiting pairs a cycle uses: those that no promoted version has learned yet.

    Each source has an equal share of the places; what a small one does not need goes to the others.
    Which of the older pairs are used depends on their content, so that they are nearly the same in
    the next cycle.

    Examples
    --------
    >>> Waiting().within(HoldOut()).pairs
    5000
    >>> Waiting(pairs=1000).per_source({"fast": 20_000, "slow": 100})
    PerSource(newest=450, spread=450, divided=True)
    >>> Waiting(pairs=1000).per_source({"fast": 900, "slow": 100}) is None
    True
    """

    pairs: int | None = Field(default=None, ge=2, examples=[5000])
    """Maximum number of waiting pairs that a cycle uses; at least as many as fill the hold-out.

    Without it, 5,000 or, if that is more, five times as many as fill the hold-out
    (`holdout.maximum` / `holdout.share`).
    """
    newest: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of a source's places for its newest pairs; the others go to a sample of the older."""

    def within(self, holdout: HoldOut) -> Self:
        """Return the worker with its number of pairs, which a hold-out may decide.

        Raises
        ------
        ValueError
            They are too few to fill the hold-out: the gate would decide less than it can.
        """
        filled = holdout.filled_by
        if self.pairs is None:
            return replace(self, pairs=max(_LEAST, _TIMES_FILLED * filled))
        if self.pairs < filled:
            raise ValueError(
                f"{self.pairs} pairs cannot fill the hold-out, so that the gate would decide less "
                f"than it could; allowed: {filled} or more (holdout.maximum / holdout.share)"
            )
        return self

    def per_source(self, sizes: Mapping[str, int]) -> PerSource | None:
        """Return how many pairs of each source are used; None where all of them are.

        Parameters
        ----------
        sizes
            Source -> waiting pairs.
        """
        if self.pairs is None or sum(sizes.values()) <= self.pairs:
            return None
        shares = fair_shares(sizes, self.pairs)
        places = min(share for source, share in shares.items() if share < sizes[source])
        if not places:
            return PerSource(*self._parted(self.pairs), divided=False)
        return PerSource(*self._parted(places))

    def _parted(self, places: int) -> tuple[int, int]:
        newest = round(places * self.newest)
        return newest, places - newest


def used_of(sizes: Mapping[str, int], most: PerSource | None) -> int:
    """Return how many waiting pairs are used.

    Examples
    --------
    >>> used_of({"fast": 20_000, "slow": 100}, PerSource(450, 450)), used_of({"": 7}, None)
    (1000, 7)
    """
    if most is None:
        return sum(sizes.values())
    places = most.newest + most.spread
    return sum(min(size, places) for size in sizes.values()) if most.divided else places
