"""The memory: a bounded sample of all pairs ever learned, stored and replayed."""

import hashlib
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.faults import DataFault
from training.pairs.near_duplicates import NearDuplicates
from training.pairs.pair import Pair, hash_share, normalised, pair_key
from training.settings import SETTINGS
from training.whole_files import folder_written

MEMORY_FILE = "pairs.parquet"

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Returns the unit vectors of texts, (texts, dimensions), such as `Encoder.unit_vectors`."""


@dataclass(frozen=True, config=SETTINGS)
class Memory:
    """Keep a bounded, fair sample of all pairs ever learned.

    Each source has an equal share of the capacity; what a small source does not need goes to the
    others. Within a source the rows with the smallest hashes stay: a reservoir (bottom-k sampling,
    Cohen and Kaplan 2007) whose content depends on the rows seen, not on their order or on
    restarts. If there are too many rows, the first to go are near duplicates (`NearDuplicates`, in
    query and positive) of a row with a smaller hash. (In a chain, where a is like b and b like c
    but a is not like c, it may matter which of them arrived in one cycle.)

    Examples
    --------
    >>> old = [Pair(f"o{i}", f"old {i}", "x", source="bank") for i in range(100)]
    >>> new = [Pair(f"n{i}", f"new {i}", "y", source="travel") for i in range(10)]
    >>> kept = Memory(capacity=40).absorb(old, new)
    >>> len(kept), sum(pair.source == "travel" for pair in kept)
    (40, 10)
    >>> text = "please refund the money that i paid for order {} today"
    >>> alike = [Pair(f"a{i}", text.format(i), "done") for i in range(100)]
    >>> others = [Pair("1", "opening hours", "at nine"), Pair("2", "lost card", "block it")]
    >>> sorted(pair.id for pair in Memory(capacity=3).absorb(alike, others))[:2]
    ['1', '2']
    """

    capacity: int = Field(default=5000, ge=1)
    """Maximum number of pairs to remember."""
    half_life_days: float | None = Field(default=None, gt=0.0, examples=[365.0])
    """Days after which a pair has half the weight of a new one (none: age does not matter)."""
    generated_sources: tuple[str, ...] = Field(default=(), strict=False)
    """Sources whose texts the system generated itself."""
    max_generated_share: float = Field(default=0.1, ge=0.0, le=1.0)
    """Maximum share of the capacity for self-generated text."""
    derived_sources: tuple[str, ...] = Field(
        default=("feedback", "consensus", "structure", "reformulation", "generated"), strict=False
    )
    """Sources of pairs that nobody labelled; they take only places that labelled pairs leave."""
    regions: int = Field(default=0, ge=0, le=12)
    """Times to halve the embedding space; its 2^n regions share a source equally (0: never)."""
    seed: int = 0
    """Seed of the hashes."""

    def absorb(
        self, remembered: Sequence[Pair], pairs: Sequence[Pair], encode: Encode | None = None
    ) -> list[Pair]:
        """Return what to remember of both, by source and hash; every pair once by content.

        Parameters
        ----------
        remembered
            The memory so far.
        pairs
            The pairs that were learned since.
        encode
            Returns the unit vectors of queries; needed only if the memory is divided into regions.
        """
        unique: dict[str, Pair] = {}
        for pair in (*remembered, *pairs):
            key = pair_key(pair)
            if key not in unique or _order(pair) < _order(unique[key]):
                unique[key] = pair
        strata: dict[str, list[tuple[float, str, Pair]]] = defaultdict(list)
        for key, pair in unique.items():
            strata[pair.source].append((self._priority(key, pair), key, pair))
        quota = self._quota({source: len(rows) for source, rows in strata.items()})
        kept: list[Pair] = []
        for source in sorted(strata):
            rows = sorted(strata[source], key=lambda row: row[:2])
            kept.extend(self._spread([pair for _, _, pair in rows], quota[source], encode))
        return kept

    def _spread(self, rows: Sequence[Pair], count: int, encode: Encode | None) -> Sequence[Pair]:
        """Return `count` of the rows, near duplicates only if there is room for them."""
        if len(rows) <= count:
            return rows
        names = self._regions(rows, encode)
        texts = [(normalised(pair.query), normalised(pair.positive)) for pair in rows]
        firsts = NearDuplicates().firsts(texts, None if self.regions else count)
        repeats = sorted(set(range(len(rows))) - set(firsts))
        chosen = _evenly(firsts, names, count)
        chosen += _evenly(repeats, names, count - len(chosen))
        return [rows[row] for row in sorted(chosen)]

    def _regions(self, rows: Sequence[Pair], encode: Encode | None) -> list[str]:
        """Return the region of the space in which each row lies."""
        if not self.regions:
            return [""] * len(rows)
        if encode is None:
            raise ValueError(
                f"memory.regions is {self.regions} and no encoder was given to divide the pairs by"
            )
        vectors = encode([pair.query for pair in rows])
        # The sides of random hyperplanes through the champion's space (locality-sensitive hashing,
        # Charikar 2002): texts of one region are near each other, and rare regions keep a share.
        random = np.random.default_rng(self.seed)
        planes = random.standard_normal((vectors.shape[1], self.regions))
        sides = (vectors - vectors.mean(axis=0)) @ planes > 0
        return ["".join("01"[int(side)] for side in row) for row in sides]

    def _quota(self, sizes: Mapping[str, int]) -> dict[str, int]:
        generated = {source: sizes[source] for source in sizes if source in self.generated_sources}
        capped = fair_shares(generated, int(self.capacity * self.max_generated_share))
        sizes = {**sizes, **capped}
        derived = {source: sizes[source] for source in sizes if source in self.derived_sources}
        quota = fair_shares(
            {source: size for source, size in sizes.items() if source not in derived}, self.capacity
        )
        return {**quota, **fair_shares(derived, self.capacity - sum(quota.values()))}

    def _priority(self, key: str, pair: Pair) -> float:
        drawn = hash_share(self.seed, "memory", key)
        if self.half_life_days is None or pair.timestamp is None:
            return drawn
        # Weighted sampling without replacement (Efraimidis and Spirakis 2006): the smallest of
        # -log(u) / weight stay. In logarithms the current time cancels out, so no clock is needed.
        half_lives = pair.timestamp / (86400 * self.half_life_days)
        return math.log(-math.log(max(drawn, 1e-300))) - half_lives * math.log(2)


def _evenly(rows: Sequence[int], names: Sequence[str], count: int) -> list[int]:
    """Return the first rows of each region, `count` in all, in equal shares."""
    quota = fair_shares(Counter(names[row] for row in rows), count)
    taken: Counter[str] = Counter()
    chosen = []
    for row in rows:
        if taken[names[row]] < quota[names[row]]:
            taken[names[row]] += 1
            chosen.append(row)
    return chosen


def _order(pair: Pair) -> tuple[str, str, str]:
    return pair.source, pair.id, pair.query


def fair_shares(sizes: Mapping[str, int], capacity: int) -> dict[str, int]:
    """Divide a capacity among groups as evenly as their sizes allow.

    Examples
    --------
    >>> fair_shares({"a": 100, "b": 3, "c": 100}, 21)
    {'b': 3, 'a': 9, 'c': 9}
    """
    shares: dict[str, int] = {}
    left = capacity
    for rank, name in enumerate(sorted(sizes, key=lambda name: (sizes[name], name))):
        groups_left = len(sizes) - rank
        # The remainder of the division goes to the last groups, the largest ones.
        shares[name] = min(sizes[name], left // groups_left)
        left -= shares[name]
    return shares


def forget(pairs: Sequence[Pair], ids: Collection[str]) -> list[Pair]:
    """Return the pairs without those of the given record ids."""
    erased = set(ids)
    return [pair for pair in pairs if pair.id not in erased]


def memory_digest(pairs: Sequence[Pair]) -> str:
    """Return the sha256 of all fields of the pairs, in their order."""
    digest = hashlib.sha256()
    for pair in pairs:
        timestamp = "" if pair.timestamp is None else repr(float(pair.timestamp))
        fields = (pair.id, pair.query, pair.positive, pair.negative, pair.source, timestamp)
        # Memories that were written before pairs had groups keep their digest.
        for field in (*fields, *([pair.group] if pair.group else [])):
            content = field.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def write_memory(folder: str | os.PathLike[str], pairs: Sequence[Pair]) -> None:
    """Write the pairs as Parquet into a folder: whole, or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    names = ("id", "query", "positive", "negative", "source", "group")
    columns = {
        name: pa.array([getattr(pair, name) for pair in pairs], pa.string()) for name in names
    }
    columns["timestamp"] = pa.array([pair.timestamp for pair in pairs], pa.float64())
    table = pa.table(columns, metadata={"digest": memory_digest(pairs)})
    with folder_written(folder) as partial:
        parquet.write_table(table, partial / MEMORY_FILE)


def read_memory(folder: str | os.PathLike[str]) -> list[Pair]:
    """Return the pairs that `write_memory` wrote.

    Raises
    ------
    DataFault
        The file is missing, not Parquet, or its rows do not match the digest written with them.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    file = Path(folder) / MEMORY_FILE
    try:
        table = parquet.read_table(file)
        pairs = [Pair(**row) for row in table.to_pylist()]
    except FileNotFoundError:
        raise DataFault(f"{file} is missing; the folder of a memory holds it") from None
    except (pa.ArrowException, OSError, TypeError, UnicodeDecodeError) as fault:
        raise DataFault(
            f"{file} is not a readable memory ({fault}); restore it from its version"
        ) from None
    expected = (table.schema.metadata or {}).get(b"digest", b"").decode()
    if memory_digest(pairs) != expected:
        raise DataFault(
            f"{file}: its rows do not match their digest {expected[:12]!r}; "
            "restore it from its version"
        )
    return pairs
