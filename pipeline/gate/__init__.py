"""The gate: whether a candidate may take the champion's place."""

from pipeline.gate.anchor_power import (
    anchor_powers,
    overuse_warning,
    overused,
    reuse_of,
    times_judged,
)
from pipeline.gate.canary import Canary, Evidence, Finding, Outcomes
from pipeline.gate.earlier import Earlier
from pipeline.gate.foretold import Condition, Foretold
from pipeline.gate.gain_power import NeededQueries, queries_for_gain
from pipeline.gate.gate import Gate
from pipeline.gate.guard import Guard
from pipeline.gate.outlook import SetSize, outlook_of
from pipeline.gate.serving_costs import measure
from pipeline.gate.soonest import row_warning
from pipeline.gate.suspects import HeldOut, Suspects, explain_suspects

__all__ = [
    "Canary",
    "Condition",
    "Earlier",
    "Evidence",
    "Finding",
    "Foretold",
    "Gate",
    "Guard",
    "HeldOut",
    "NeededQueries",
    "Outcomes",
    "SetSize",
    "Suspects",
    "anchor_powers",
    "explain_suspects",
    "measure",
    "outlook_of",
    "overuse_warning",
    "overused",
    "queries_for_gain",
    "reuse_of",
    "row_warning",
    "times_judged",
]
