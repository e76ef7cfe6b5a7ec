"""Derived pairs: pairs that nobody labelled, and how they were made."""

import hashlib
from dataclasses import dataclass

from training.pairs import Pair
from training.pairs.pair import pair_key


@dataclass(frozen=True)
class Derived:
    """Pairs of one kind, made from documents and logs."""

    kind: str
    """Name of the kind, such as "consensus"; it is the source of each of its pairs."""
    pairs: tuple[Pair, ...] = ()
    """The pairs, best first where the kind can tell."""
    considered: int = 0
    """Queries or documents that could have given a pair."""
    reason: str = ""
    """One sentence with the figures: how many pairs, from how many, and why not from the others."""


def derived_id(kind: str, query: str, positive: str) -> str:
    """Return the id of a derived pair, which depends only on its kind and content.

    Examples
    --------
    >>> derived_id("consensus", "Lost card?", "Block it.") == derived_id(
    ...     "consensus", "lost card", "block it"
    ... )
    True
    """
    key = pair_key(Pair("", query, positive)).encode("utf-8", "surrogatepass")
    return f"{kind}-{hashlib.sha256(key).hexdigest()[:16]}"
