"""What keeps the old while the new is learned."""

from training.retention.adapters import Adapters
from training.retention.hold import Hold, Rows
from training.retention.merge import Judge, Merge

__all__ = ["Adapters", "Hold", "Judge", "Merge", "Rows"]
