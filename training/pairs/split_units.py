"""The units of a split: queries that must lie on one side, and their order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from training.pairs.pair import Pair, hash_share, normalised

By = Literal["query", "document", "group", "time"]
"""What is never on both sides: a query, a document, a group; "time": the newest are held out."""

_FAR = 253_402_300_800
"""Seconds of the year 10000: behind every moment that a record may have."""


@dataclass(frozen=True)
class Unit:
    """Queries that are on one side together, and where they come in the order of holding out."""

    position: float
    """The lowest are held out first; of hashes in [0, 1), of times in seconds before a far day."""
    queries: frozenset[str]
    """Normalised queries."""


def units_of(pairs: Sequence[Pair], by: By, seed: int) -> list[Unit]:
    """Return the units of some pairs, the first to hold out first.

    A query that belongs to several documents or groups joins them. The position of a unit is the
    lowest of its parts, so that it only moves forward when more pairs arrive: what was held out by
    its position once has such a position later, too.

    Examples
    --------
    >>> pairs = [Pair("1", "a", "x"), Pair("2", "b", "x"), Pair("3", "c", "y")]
    >>> sorted(sorted(unit.queries) for unit in units_of(pairs, "document", 0))
    [['a', 'b'], ['c']]
    """
    from scipy.cluster.hierarchy import DisjointSet

    joined: DisjointSet = DisjointSet()
    alone: set[str] = set()
    moments: dict[str, int] = {}
    for pair in pairs:
        query = normalised(pair.query)
        joined.add(("", query))
        part = _shared(pair, by)
        if part:
            joined.add((by, part))
            joined.merge(("", query), (by, part))
        else:
            alone.add(query)
        if by == "time" and pair.timestamp is not None:
            moment = int(pair.timestamp // 1)
            moments[query] = max(moments.get(query, moment), moment)
    units = []
    for members in joined.subsets():
        queries = frozenset(name for kind, name in members if not kind)
        # A query that once stood for itself counts on, also when a later pair has a group.
        named = [name for kind, name in members if kind or name in alone]
        position = min(hash_share(seed, "hold-out", name) for name in named)
        if by == "time":
            # A query is as new as its newest pair: nothing that is learned is newer than what is
            # held out. Within a second, the hash decides.
            (query,) = queries
            position += 5 * _FAR if query not in moments else _FAR - moments[query]
        units.append(Unit(position, queries))
    return sorted(units, key=lambda unit: (unit.position, sorted(unit.queries)))


def share_a_unit(pairs: Sequence[Pair], others: Sequence[Pair], by: By) -> Iterator[bool]:
    """Yield for each pair whether it has a query, or the document or group, of others."""
    queries = {normalised(pair.query) for pair in others}
    parts = {_shared(pair, by) for pair in others} - {""}
    for pair in pairs:
        yield normalised(pair.query) in queries or _shared(pair, by) in parts


def _shared(pair: Pair, by: By) -> str:
    """Return what a pair may share with pairs of other queries; "" for nothing."""
    if by == "document":
        return normalised(pair.positive)
    return pair.group if by == "group" else ""
