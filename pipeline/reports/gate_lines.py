"""What the gate can be expected to decide, as a few lines of text."""

from collections.abc import Iterator

from pipeline.results import GateOutlook

_SHOWN = 3
"""Remedies that are shown; the JSON has all."""


def about_gate(found: GateOutlook) -> Iterator[str]:
    """Yield how many equally good candidates pass, what limits that, and the cheapest remedies."""
    yield f"gate: {'; '.join(found.reasons)}"
    lead = "cheapest"
    for each in found.remedies[:_SHOWN]:
        yield f"  {lead}: {each.reason}"
        lead = "or"
