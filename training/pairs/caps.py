"""Caps: how much of the fresh pairs may come from one source, or from the system itself."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.pair import Pair, hash_share, pair_key
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Caps:
    """Limit how much of the fresh pairs one source brings, and how much the system wrote itself.

    A model that learns mostly from its own output gets narrower with every cycle; with enough real
    text beside it, it does not (Gerstgrasser et al., "Is model collapse inevitable?", 2024). Which
    pairs of a source stay depends on a hash of their content only.

    Examples
    --------
    >>> real = [Pair(f"r{n}", f"question {n}", "x", source="desk") for n in range(30)]
    >>> own = [Pair(f"g{n}", f"guess {n}", "x", source="bot") for n in range(100)]
    >>> kept = Caps(generated=0.25).apply([*real, *own], generated_sources=["bot"])
    >>> len(kept), sum(pair.source == "bot" for pair in kept)
    (40, 10)
    """

    source: float = Field(default=1.0, gt=0.0, le=1.0)
    """Largest share of the fresh pairs that one source may bring, where there are others."""
    generated: float = Field(default=0.25, ge=0.0, lt=1.0)
    """Largest share of the fresh pairs that the system wrote itself.

    Their source is one of `memory.generated_sources`, or they repeat an answer of its log.
    """
    seed: int = 0
    """Seed of the choice of pairs."""

    def apply(
        self,
        pairs: Sequence[Pair],
        generated_sources: Collection[str] = (),
        own: Collection[str] = (),
    ) -> list[Pair]:
        """Return the pairs that stay, in their order.

        Parameters
        ----------
        pairs
            Fresh pairs.
        generated_sources
            Sources whose texts the system wrote itself; together they have one cap. Pairs that
            nobody else brought anything beside are all left out.
        own
            Ids of further pairs that the system wrote itself.
        """
        rows: dict[str, list[int]] = defaultdict(list)
        written: list[int] = []
        for row, pair in enumerate(pairs):
            generated = pair.source in generated_sources or pair.id in own
            (written if generated else rows[pair.source]).append(row)
        kept = self._capped(pairs, rows)
        room = int(len(kept) * self.generated / (1 - self.generated) + 1e-9)
        kept |= set(self._first(pairs, written, room))
        return [pair for row, pair in enumerate(pairs) if row in kept]

    def _capped(self, pairs: Sequence[Pair], rows: Mapping[str, list[int]]) -> set[int]:
        """Return rows of which no source has more than its share, as many as possible."""
        largest = largest_within([len(some) for some in rows.values()], self.source)
        return {row for some in rows.values() for row in self._first(pairs, some, largest)}

    def _first(self, pairs: Sequence[Pair], rows: Sequence[int], count: int) -> list[int]:
        def order(row: int) -> tuple[float, int]:
            return hash_share(self.seed, "cap", pair_key(pairs[row])), row

        return sorted(rows, key=order)[:count]


def largest_within(sizes: Sequence[int], share: float) -> int:
    """Return the size that groups are cut to so that none has more than a share of what is left.

    One group alone is not cut. Where no mix has so small shares of so few groups, equal ones come
    closest.

    Examples
    --------
    >>> largest_within([100, 30, 10], 0.5), largest_within([100], 0.5), largest_within([9, 3], 0.1)
    (40, 100, 3)
    """
    if len(sizes) < 2:
        return sum(sizes)
    if share * len(sizes) < 1:
        return min(sizes)
    # What exceeds its share at one size does so at every larger one: the share of the total grows
    # with the size that the largest groups are cut to.
    sound = bisect_right(
        range(1, max(sizes) + 1),
        False,
        key=lambda cut: cut > share * sum(min(size, cut) for size in sizes) + 1e-9,
    )
    return max(sound, min(sizes))
