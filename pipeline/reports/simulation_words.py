"""A simulated year in words: what was tried, and what was noticed of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pipeline.results import CAUSES, QuietYears, SimulatedDrift, SimulationResult

State = Literal["found", "late", "misnamed", "missed", "untried"]

TITLES: dict[str, str] = {
    "concept": "New topics",
    "model_version": "Another model",
    "vocabulary": "New words",
    "pipeline": "Another parser",
    "temporal": "A word with another meaning",
    "feedback_loop": "Own output comes back",
    "none": "nothing",
}
"""Cause -> what people call it."""
TRIED: dict[str, str] = {
    "concept": "People ask about things that nobody asked about before.",
    "model_version": "Another model answers under the same name, so that vectors do not match.",
    "vocabulary": "Usual words are replaced by new ones, which the model knows only in pieces.",
    "pipeline": "Another parser breaks lines, adds page headers and loses capitals; what the texts "
    "say stays.",
    "temporal": "A word is used in the place of another one: it means something else from now on.",
    "feedback_loop": "What the system answered comes back as if people had asked it.",
}
"""Cause -> what was injected."""
ACTS = {
    "train": "a training starts by itself",
    "block": "training is blocked until a person has looked",
    "": "people are told; nothing starts by itself",
}


@dataclass(frozen=True)
class Cell:
    """What was noticed of one cause at one strength."""

    state: State
    """In one word."""
    short: str
    """In a few words, such as "after 2 weeks"."""


def cell(drifts: Sequence[SimulatedDrift]) -> Cell:
    """Return what was noticed of one cause at one strength in all years."""
    if not drifts:
        return Cell("untried", "not tried")
    right = [each for each in drifts if each.right and each.checks is not None]
    of = "" if len(drifts) == 1 else f" in {len(right)} of {len(drifts)} years"
    if right and len(right) * 2 > len(drifts):
        weeks = median(each.checks or 0 for each in right)
        partly = of if len(right) < len(drifts) else ""
        if weeks <= 1:
            return Cell("found" if not partly else "late", f"in the first week{partly}")
        return Cell("late", f"after {weeks:g} weeks{partly}")
    wrong = [each.named for each in drifts if not each.right and each.named != "none"]
    if wrong:
        called = TITLES.get(wrong[0], wrong[0]).lower()
        return Cell("misnamed", f"seen, but called “{called}”{of if right else ''}")
    return Cell("missed", f"missed{of if right else ''}")


def strength_title(strength: float) -> str:
    """Return a strength as people say it."""
    word = "full" if strength >= 1 else "medium" if strength >= 0.25 else "weak"
    return f"{word}: {strength:.0%} of the texts"


def named_at_full_strength(result: SimulationResult) -> tuple[int, int]:
    """Return how many causes were named rightly at the largest strength, and how many there are."""
    return named_rightly(result, max(result.strengths))


def named_rightly(result: SimulationResult, strength: float) -> tuple[int, int]:
    """Return how many causes were named rightly at a strength, and how many there are."""
    cells = [cell(result.of(cause, strength)) for cause in CAUSES]
    return sum(each.state in ("found", "late") for each in cells), len(cells)


def false_alarms(quiet: QuietYears) -> str:
    """Return the false alarms of a year in a sentence."""
    found, low, high = quiet.per_year
    years = quiet.weeks / 52
    counted = "no false alarm" if not quiet.alarms else _alarms(quiet.alarms)
    return (
        f"{counted} in {quiet.weeks} quiet weekly checks"
        f"{f' ({years:g} years)' if years >= 1.5 else ''}; that is {found:.1f} per year, and with "
        f"95 % confidence between {low:.1f} and {high:.1f}"
    )


def _alarms(count: int) -> str:
    return f"{count} false alarm{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"
