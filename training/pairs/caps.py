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
    """Largest share of the fresh pairs whose source is one of `memory.generated_sources`."""
    seed: int = 0
    """Seed of the choice of pairs."""

    def apply(self, pairs: Sequence[Pair], generated_sources: Collection[str] = ()) -> list[Pair]:
        """Return the pairs that stay, in their order.

        Parameters
        ----------
        pairs
            Fresh pairs.
        generated_sources
            Sources whose texts the system wrote itself; together they have one cap. Pairs that
            nobody else brought anything beside are all left out.
        """
        rows: dict[str, list[int]] = defaultdict(list)
        own: list[int] = []
        for row, pair in enumerate(pairs):
            (own if pair.source in generated_sources else rows[pair.source]).append(row)
        kept = self._capped(pairs, rows)
        room = int(len(kept) * self.generated / (1 - self.generated) + 1e-9)
        kept |= set(self._first(pairs, own, room))
        return [pair for row, pair in enumerate(pairs) if row in kept]

    def _capped(self, pairs: Sequence[Pair], rows: Mapping[str, list[int]]) -> set[int]:
        """Return rows of which no source has more than its share, as many as possible."""
        sizes = [len(some) for some in rows.values()]
        if len(sizes) < 2:
            largest = sum(sizes)
        elif self.source * len(sizes) < 1:
            # No mix has so small shares of so few sources; equal ones come closest.
            largest = min(sizes)
        else:
            # What exceeds its share at one size does so at every larger one: the share of the
            # total grows with the size that the largest sources are cut to.
            sound = bisect_right(
                range(1, max(sizes) + 1),
                False,
                key=lambda cut: cut > self.source * sum(min(size, cut) for size in sizes) + 1e-9,
            )
            largest = max(sound, min(sizes))
        return {row for some in rows.values() for row in self._first(pairs, some, largest)}

    def _first(self, pairs: Sequence[Pair], rows: Sequence[int], count: int) -> list[int]:
        def order(row: int) -> tuple[float, int]:
            return hash_share(self.seed, "cap", pair_key(pairs[row])), row

        return sorted(rows, key=order)[:count]
