"""What prevents forgetting while new pairs are learned."""

from training.retention.adapters import Adapters
from training.retention.hold import Hold, Rows
from training.retention.merge import Blend, Judge, Merge, worth

__all__ = [
    "Adapters",
    "Blend",
    "Hold",
    "Judge",
    "Merge",
    "Rows",
    "worth",
]
