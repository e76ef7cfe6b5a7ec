"""The gate: whether a candidate may take the champion's place."""

from pipeline.gate.anchor_power import reuse_of, times_judged, vouching, worn_out
from pipeline.gate.gate import Gate
from pipeline.gate.serving_costs import Costs, measure
from pipeline.gate.suspects import HeldOut, Suspects, told

__all__ = [
    "Costs",
    "Gate",
    "HeldOut",
    "Suspects",
    "measure",
    "reuse_of",
    "times_judged",
    "told",
    "vouching",
    "worn_out",
]
