"""Derived pairs: pairs that nobody labelled, and how they were made."""

from dataclasses import dataclass

from training.pairs import Pair


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
