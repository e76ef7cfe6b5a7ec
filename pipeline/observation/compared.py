"""The texts of an observation that measures and map compare: the distinct ones of both sides."""

from drift_triggers.signal import Observation
from drift_triggers.statistics.view import View

_COMPARED = 2000  # distinct texts per side, as the triggers compare them
_FEWEST = 10  # distinct texts per side; fewer have no neighbourhoods
_LONGEST = 160  # characters of an example, as in the rest of the report


def compared(observation: Observation) -> tuple[View, View] | None:
    """Return the known and the recent texts; None where a side has fewer than ten distinct ones."""
    recent = View.of(observation.recent, _COMPARED)
    known = View.of(observation.reference, _COMPARED)
    return None if min(len(recent.rows), len(known.rows)) < _FEWEST else (known, recent)


def example_of(text: str) -> str:
    """Return a text, cut where it is too long for an example."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
