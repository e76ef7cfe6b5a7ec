"""The page of a simulated year, for people who decide about the system."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten

from pipeline.reports.page import write_page
from pipeline.reports.simulation_words import (
    ACTS,
    TITLES,
    TRIED,
    Cell,
    cell,
    duration,
    false_alarms,
    named_at_full_strength,
    named_rightly,
    strength_title,
)
from pipeline.results import CAUSES, SimulationResult

_LONGEST = 240


def write_simulation_page(path: Path, result: SimulationResult) -> Path:
    """Write the page of a simulation, and return where it is.

    Parameters
    ----------
    path
        Where it goes; its folder is made.
    result
        What was found.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    right, of = named_at_full_strength(result)
    return write_page(
        path,
        "simulation.html",
        {
            "result": result,
            "right": right,
            "weak": _weak(result),
            "of": of,
            "strengths": [strength_title(each) for each in result.strengths],
            "rows": list(_rows(result)),
            "alarms": false_alarms(result.quiet) if result.quiet else "",
            "quiet_named": sorted({TITLES.get(each, each).lower() for each in _named(result)}),
            "titles": TITLES,
            "took": duration(result.seconds),
            "trained": duration(sum(each.seconds for each in result.trainings)),
            "learned_right": all(each.right for each in result.trainings),
        },
    )


def _weak(result: SimulationResult) -> tuple[int, int, str] | None:
    """Return how many causes were named rightly at the smallest strength, of how many, and it."""
    least = min(result.strengths)
    if least == max(result.strengths):
        return None
    return (*named_rightly(result, least), f"{least:.0%}")


def _named(result: SimulationResult) -> tuple[str, ...]:
    return result.quiet.named if result.quiet else ()


def _rows(result: SimulationResult) -> Iterator[dict[str, object]]:
    for cause in CAUSES:
        drifts = [each for each in result.drifts if each.cause == cause]
        cells: list[Cell] = [cell(result.of(cause, each)) for each in result.strengths]
        shown = max(drifts, key=lambda each: each.strength, default=None)
        yield {
            "cause": cause,
            "title": TITLES[cause],
            "tried": TRIED[cause],
            "word": (
                f"Here “{result.term}” takes the place of {_listed(result.others)}."
                if cause == "temporal" and result.term
                else ""
            ),
            "cells": cells,
            "before": shorten(shown.before, _LONGEST, placeholder=" …") if shown else "",
            "after": _cut(shown.after) if shown else "",
            "then": ACTS[shown.acts] if shown else "",
            "why": shown.why if shown else "",
        }


def _listed(words: Sequence[str]) -> str:
    *most, last = [f"“{word}”" for word in words]
    return f"{', '.join(most)} and {last}" if most else last


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 2] + " …"
