"""The mix: the training set of one cycle, recent pairs and replayed ones together."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.memory import fair_shares, memory_digest
from training.pairs.pair import Pair, hash_share, pair_key
from training.settings import SETTINGS


@plain_dataclass(frozen=True)
class Mixture:
    """What one cycle trains on, shuffled so that every batch holds recent and replayed pairs."""

    pairs: tuple[Pair, ...]
    from_memory: tuple[bool, ...]
    """Which of the pairs are replayed, in the same order."""
    digest: str
    """sha256 over the pairs in their order."""

    @property
    def replayed(self) -> int:
        """Pairs drawn from memory."""
        return sum(self.from_memory)

    @property
    def recent(self) -> int:
        """Pairs that are new in this cycle."""
        return len(self.pairs) - self.replayed

    @property
    def reason(self) -> str:
        """What was mixed, in words."""
        return f"{self.recent} recent pairs and {self.replayed} replayed ones"


@dataclass(frozen=True, config=SETTINGS)
class Mix:
    """Mix recent pairs with replayed ones in a stated share.

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
    """Replayed share of the mix (0.5: one replayed pair for each recent one)."""
    minimum_pairs: int = Field(default=64, ge=2)
    """Recent pairs below which no training starts."""
    maximum_pairs: int = Field(default=20_000, ge=2)
    """Pairs of a mix at most, recent and replayed together."""
    seed: int = 0
    """Seed of the draw."""

    def enough(self, recent: Sequence[Pair]) -> bool:
        """Say whether there are enough recent pairs to train on."""
        return not self.shortage(recent)

    def shortage(self, recent: Sequence[Pair]) -> str:
        """Return why there are too few recent pairs, empty when there are enough."""
        distinct = len({pair_key(pair) for pair in recent})
        return (
            ""
            if distinct >= self.minimum_pairs
            else f"not enough new pairs: {distinct} < {self.minimum_pairs}"
        )

    def draw(self, recent: Sequence[Pair], memory: Sequence[Pair]) -> Mixture:
        """Return the mix; every pair once by content, chosen and ordered by hash.

        What is replayed is drawn evenly over the memory's sources, and differs from cycle to cycle
        because the draw depends on the recent pairs too.
        """
        new = {pair_key(pair): pair for pair in reversed(recent)}
        old = {key: pair for pair in reversed(memory) if (key := pair_key(pair)) not in new}
        room = max(1, self.maximum_pairs - round(self.maximum_pairs * self.share))
        chosen = self._choose(new, room, "recent")
        wanted = round(len(chosen) * self.share / (1 - self.share))
        salt = memory_digest(sorted(chosen.values(), key=lambda pair: pair_key(pair)))
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
        for source, keys in strata.items():
            keys.sort(key=lambda key: (hash_share(self.seed, "mix", salt, key), key))
            chosen.extend(keys[: quota[source]])
        return {key: pairs[key] for key in chosen}
