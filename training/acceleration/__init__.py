"""What makes training faster and changes nothing else."""

from training.acceleration.allocator import keep_freed_memory
from training.acceleration.precision import Precision, settled_precision
from training.acceleration.prepare import _made_for_training

__all__ = ["Precision", "_made_for_training", "keep_freed_memory", "settled_precision"]
