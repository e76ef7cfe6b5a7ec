"""Faster training on a CPU with the same result, apart from rounding and random draws."""

from training.acceleration.precision import Precision, fastest_precision, settled_precision
from training.acceleration.prepare import TRICKS, Prepared, Trick, keep_freed_memory

__all__ = [
    "TRICKS",
    "Precision",
    "Prepared",
    "Trick",
    "fastest_precision",
    "keep_freed_memory",
    "settled_precision",
]
