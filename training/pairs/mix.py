"""The mix: the training set of one cycle, recent and replayed pairs together."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.memory import fair_shares, memory_digest
from training.pairs.pair import Pair, hash_share, normalised, pair_key
from training.settings import SETTINGS


@plain_dataclass(frozen=True)
class Mixture:
    """The training set of one cycle, shuffled so that batches mix recent and replayed pairs."""

    pairs: tuple[Pair, ...]
    """The pairs, in their order."""
    from_memory: tuple[bool, ...]
    """Which of the pairs are replayed, in the same order."""
    digest: str
    """sha256 of the pairs in their order."""

    @property
    def replayed(self) -> int:
        """Pairs drawn from memory."""
        return sum(self.from_memory)

    @property
    def recent(self) -> int:
        """Pairs that are new in this cycle."""
        return len(self.pairs) - self.replayed


@dataclass(frozen=True, config=SETTINGS)
class Mix:
    """Mix recent pairs with replayed ones.

    Examples
    --------
    >>> recent = [Pair(f"n{i}", f"new {i}", f"answer {i}") for i in range(100)]
    >>> memory = [Pair(f"o{i}", f"old {i}", f"reply {i}") for i in range(1000)]
    >>> mixture = Mix(share=0.2).draw(recent, memory)
    >>> mixture.recent, mixture.replayed
    (100, 25)
    >>> Mix().shortage(recent[:1])
    'not enough new pairs: 1 < 64'
    """

    share: float = Field(default=0.5, ge=0.0, lt=1.0)
    """Share of replayed pairs in the mix (0.5: one replayed pair per recent one)."""
    minimum_pairs: int = Field(default=64, ge=2)
    """Minimum number of recent pairs to train on."""
    maximum_pairs: int = Field(default=20_000, ge=2)
    """Maximum number of pairs in a mix, recent and replayed together."""
    half_life_days: float | None = Field(default=None, gt=0.0, examples=[180.0])
    """Days after which a pair has half the chance to be drawn (none: age does not matter).

    For recent pairs that exceed the room, and for replayed ones. Pairs without a time count as old
    as the oldest one.
    """
    seed: int = 0
    """Seed of the draw."""

    def shortage(self, recent: Sequence[Pair]) -> str:
        """Return why there are too few recent pairs; empty if there are enough."""
        distinct = len({pair_key(pair) for pair in recent})
        return (
            ""
            if distinct >= self.minimum_pairs
            else f"not enough new pairs: {distinct} < {self.minimum_pairs}"
        )

    def draw(self, recent: Sequence[Pair], memory: Sequence[Pair]) -> Mixture:
        """Return the mix; every pair once by content, chosen and ordered by hash.

        A recent pair is there once with each of its negatives, a replayed one once.

        Replayed pairs are drawn evenly from the sources of the memory. They differ from cycle to
        cycle, because the draw depends on the recent pairs too.
        """
        new = {_with_negative(pair): pair for pair in reversed(recent)}
        known = {pair_key(pair) for pair in recent}
        old = {key: pair for pair in reversed(memory) if (key := pair_key(pair)) not in known}
        room = max(1, self.maximum_pairs - round(self.maximum_pairs * self.share))
        chosen = self._choose(new, room, "recent")
        wanted = round(len(chosen) * self.share / (1 - self.share))
        salt = memory_digest(sorted(chosen.values(), key=_with_negative))
        replayed = self._choose(old, min(wanted, self.maximum_pairs - len(chosen)), salt)
        both = {**chosen, **replayed}
        order = sorted(both, key=lambda key: (hash_share(self.seed, "order", key), key))
        pairs = tuple(both[key] for key in order)
        return Mixture(pairs, tuple(key in replayed for key in order), memory_digest(pairs))

    def _choose(self, pairs: dict[str, Pair], count: int, salt: str) -> dict[str, Pair]:
        strata: dict[str, list[str]] = defaultdict(list)
        for key, pair in pairs.items():
            strata[pair.source].append(key)
        quota = fair_shares({source: len(keys) for source, keys in strata.items()}, count)
        chosen: list[str] = []
        weighted = self._by_age(pairs)
        for source, keys in strata.items():
            keys.sort(key=lambda key: (weighted(key, hash_share(self.seed, "mix", salt, key)), key))
            chosen.extend(keys[: quota[source]])
        return {key: pairs[key] for key in chosen}

    def _by_age(self, pairs: Mapping[str, Pair]) -> Callable[[str, float], float]:
        """Return what makes of a key and a number from 0 to 1 the place of its pair in the draw."""
        times = {key: each.timestamp for key, each in pairs.items() if each.timestamp is not None}
        if self.half_life_days is None or not times:
            return lambda _, drawn: drawn
        oldest, half_life = min(times.values()), 86400 * self.half_life_days

        def placed(key: str, drawn: float) -> float:
            # Weighted sampling without replacement (Efraimidis and Spirakis 2006): the smallest of
            # -log(u) / weight are drawn. In logarithms the present cancels out: no clock is needed.
            half_lives = (times.get(key, oldest) - oldest) / half_life
            return math.log(-math.log(max(drawn, 1e-300))) - half_lives * math.log(2)

        return placed


def _with_negative(pair: Pair) -> str:
    negative = normalised(pair.negative)
    return f"{pair_key(pair)}\x1f{negative}" if negative else pair_key(pair)
