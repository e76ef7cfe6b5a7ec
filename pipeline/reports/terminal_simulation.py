"""A simulated year at a terminal."""

from collections.abc import Iterator

from rich.table import Table

from pipeline.reports.screen import Part
from pipeline.reports.simulation_words import (
    TITLES,
    cell,
    duration,
    false_alarms,
    named_at_full_strength,
)
from pipeline.results import CAUSES, SimulationResult


def simulated(result: SimulationResult) -> Iterator[Part]:
    """Yield what a simulation found, or would compute."""
    yield f"{result.settings} on {result.corpus}"
    if result.dry_run:
        yield from (f"  {each}" for each in result.plan)
        yield f"this would take about {duration(result.seconds)} on two cores; nothing was computed"
        return
    yield (
        f"{result.texts} texts, {result.texts_per_week} per week; drift counts as missed after "
        f"{result.patience} weekly checks"
    )
    table = Table("injected", "cause", *(f"{each:.0%}" for each in result.strengths))
    for cause in CAUSES:
        found = [cell(result.of(cause, each)).short for each in result.strengths]
        table.add_row(TITLES[cause].lower(), cause, *found)
    yield table
    if result.quiet:
        yield f"without drift: {false_alarms(result.quiet)}"
    if result.trainings:
        yield _trainings(result)
    if result.untrained:
        yield f"nothing was trained: {result.untrained}"
    if result.advice:
        yield "to change:"
        yield from (f"  {each}" for each in result.advice)
    right, of = named_at_full_strength(result)
    yield (
        f"in short: at full strength {right} of {of} causes are named rightly "
        f"({duration(result.seconds)})"
    )
    if result.page:
        yield f"page: {result.page}"


def _trainings(result: SimulationResult) -> Table:
    table = Table("learned from", "pairs", "outcome", "gain", "worst old task", "seconds", "as due")
    for each in result.trainings:
        table.add_row(
            TITLES[each.cause].lower() + (", wrong answers" if each.poisoned else ""),
            str(each.pairs),
            each.outcome,
            "" if each.gain is None else f"{each.gain:+.3f}",
            "" if each.kept is None else f"{each.kept:+.3f}",
            f"{each.seconds:.0f}",
            "yes" if each.right else "no",
        )
    return table
