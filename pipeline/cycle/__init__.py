"""One cycle, from intake to a recorded outcome."""

from pipeline.cycle.check import check_now, observe
from pipeline.cycle.promotion import awaiting, promote_by_hand, roll_back, rolled_back
from pipeline.cycle.record import record_golden
from pipeline.cycle.run import run_cycle
from pipeline.cycle.window import TRAINED, Gathered, looks

__all__ = [
    "TRAINED",
    "Gathered",
    "awaiting",
    "check_now",
    "looks",
    "observe",
    "promote_by_hand",
    "record_golden",
    "roll_back",
    "rolled_back",
    "run_cycle",
]
