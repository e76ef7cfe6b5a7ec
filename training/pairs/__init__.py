"""Labelled pairs: what is learned, replayed, held out and excluded."""

from training.pairs.caps import Caps, largest_within
from training.pairs.hold_out import HoldOut, Split
from training.pairs.labels import LabelledTexts, same_meaning_groups
from training.pairs.leakage import Leakage, LeakageGuard
from training.pairs.memory import Encode, Memory, forget, memory_digest, read_memory, write_memory
from training.pairs.mix import Mix, Mixture
from training.pairs.pair import Pair, hash_share, in_short, normalised, pair_key
from training.pairs.split_units import By
from training.pairs.waiting import PerSource, Waiting, used_of

__all__ = [
    "By",
    "Caps",
    "Encode",
    "HoldOut",
    "LabelledTexts",
    "Leakage",
    "LeakageGuard",
    "Memory",
    "Mix",
    "Mixture",
    "Pair",
    "PerSource",
    "Split",
    "Waiting",
    "forget",
    "hash_share",
    "in_short",
    "largest_within",
    "memory_digest",
    "normalised",
    "pair_key",
    "read_memory",
    "same_meaning_groups",
    "used_of",
    "write_memory",
]
