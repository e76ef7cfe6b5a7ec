"""What happened over the cycles: drift by trigger beside retrieval quality, scores by version."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reports.words import task_name
from pipeline.results import CycleResult

MOST_CYCLES = 30
"""Cycles that a picture over time has, the newest; more would not be told apart on a phone."""


@dataclass(frozen=True)
class Check:
    """What one trigger measured in one cycle.

    Attributes
    ----------
    cycle
        The cycle.
    effect
        Size of the change in the trigger's own unit.
    limit
        Effect that data without drift may reach.
    fired
        Whether the trigger fired.
    """

    cycle: str
    effect: float
    limit: float
    fired: bool


@dataclass(frozen=True)
class Course:
    """The checks of one trigger, oldest first."""

    trigger: str
    checks: tuple[Check, ...]


def courses(results: Sequence[CycleResult]) -> list[Course]:
    """Return the course of each trigger that tests its effect, those that fired first.

    Parameters
    ----------
    results
        Cycles, oldest first.
    """
    found: dict[str, list[Check]] = {}
    for result in results[-MOST_CYCLES:]:
        for each in result.decision.signals:
            if each.p_value is not None and each.effect is not None and each.threshold is not None:
                check = Check(result.cycle, each.effect, each.threshold, each.fired)
                found.setdefault(each.trigger, []).append(check)
    made = [Course(trigger, tuple(checks)) for trigger, checks in found.items()]
    return sorted(made, key=lambda course: not any(check.fired for check in course.checks))


def hit_rates(results: Sequence[CycleResult]) -> dict[str, list[tuple[str, float]]]:
    """Return for each anchor set its cycles and the champion's recall at 10, oldest first."""
    found: dict[str, list[tuple[str, float]]] = {}
    for result in results[-MOST_CYCLES:]:
        for task, rate in result.decision.hit_rates.items():
            found.setdefault(task_name(task), []).append((result.cycle, rate))
    return found


@dataclass(frozen=True)
class VersionScores:
    """The scores of one version, in a row of the matrix.

    Attributes
    ----------
    version, cycle
        Its number, and the cycle that made it.
    served
        Whether it was promoted.
    scores
        For each task of the matrix its score; None where it was not measured.
    """

    version: int
    cycle: str
    served: bool
    scores: tuple[float | None, ...]


@dataclass(frozen=True)
class Forgetting:
    """Scores of versions on tasks, so that what was forgotten shows.

    Attributes
    ----------
    metric
        The metric, in [0, 1].
    tasks
        Names of the columns.
    versions
        The rows, oldest first.
    forgotten
        For each task, the best score of an earlier version that served less that of the last row;
        None where there is no earlier one. Below zero is a gain.
    """

    metric: str
    tasks: tuple[str, ...]
    versions: tuple[VersionScores, ...]
    forgotten: tuple[float | None, ...]


def forgetting(results: Sequence[CycleResult]) -> Forgetting | None:
    """Return the matrix of scores by version and old task; None of fewer than two versions.

    The new task of a cycle is an old one for those that follow. An anchor set whose content changed
    is a column of its own.

    Parameters
    ----------
    results
        Cycles, oldest first.
    """
    cells = _cells(results)
    columns: dict[_Task, int] = {}
    for scores in cells.values():
        for task in scores:
            columns[task] = columns.get(task, 0) + 1
    tasks = [task for task, versions in columns.items() if versions > 1]
    judged = [each.verdict.comparisons for each in results if each.verdict]
    metric = next((made[0].metric for made in reversed(judged) if made), "")
    if not tasks:
        return None
    made_in = {each.made.version: each.cycle for each in results if each.made}
    served = {each.champion.version for each in results}
    served |= {each.window.champion for each in results if each.window}
    versions = tuple(
        VersionScores(
            version,
            made_in.get(version, ""),
            version in served,
            tuple(scores.get(task) for task in tasks),
        )
        for version, scores in sorted(cells.items())
    )
    return Forgetting(
        metric=metric,
        tasks=tuple(task_name(name) for name, _ in tasks),
        versions=versions,
        forgotten=tuple(_forgotten(versions, place) for place in range(len(tasks))),
    )


_Task = tuple[str, str]
"""Name and digest of a task."""


def _cells(results: Sequence[CycleResult]) -> dict[int, dict[_Task, float]]:
    """Return for each version its scores by task, as the gate compared them."""
    cells: dict[int, dict[_Task, float]] = {}
    origin = None
    for result in results:
        if result.outcome == "bootstrapped":
            origin = result.champion.version
        if result.verdict is None or result.candidate is None or result.lesson is None:
            continue
        before = result.window.champion if result.window else None
        digests = {name: digest for name, digest, *_ in result.lesson.data_sets}
        for each in result.verdict.comparisons:
            if each.task not in digests:  # a slice of another task
                continue
            name = f"anchor/learned-{result.cycle}" if each.task == "new" else each.task
            task = (name, digests[each.task])
            cells.setdefault(result.candidate.version, {})[task] = each.candidate
            compared = origin if each.rule == "floor" else before
            if compared is not None:
                cells.setdefault(compared, {})[task] = each.champion
    return cells


def _forgotten(versions: Sequence[VersionScores], place: int) -> float | None:
    """Return how far the last version is below the best earlier one that served."""
    last = versions[-1].scores[place]
    earlier = [
        score for each in versions[:-1] if each.served and (score := each.scores[place]) is not None
    ]
    return max(earlier) - last if earlier and last is not None else None
