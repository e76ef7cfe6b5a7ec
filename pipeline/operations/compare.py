"""Versions side by side: every task and slice, each difference's bounds, and what got worse."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.cycle import movement_of, plan_index
from pipeline.gate import Gate
from pipeline.registry import Version
from pipeline.reports import (
    Interval,
    intervals_chart,
    movement_lines,
    plan_page,
    task_name,
    write_page,
)
from pipeline.results import (
    ComparedSet,
    ComparedTask,
    CompareResult,
    Difference,
    NamedVersion,
    VersionRegressions,
    metric_name,
)
from pipeline.workspace import OpenWorkspace, Versions
from training.evaluation import EvaluationSet, Regressions, Scorecard
from training.faults import DataFault


def compare_versions(references: Sequence[str], opened: OpenWorkspace) -> CompareResult:
    """Score versions on today's anchor sets and compare each with the first.

    The sets that any of the versions learned are part of the comparison too. Scores come from the
    cache where a version was scored on a set before; a version that was accepted on another state
    of a set is scored on today's, and `notes` says so.

    Parameters
    ----------
    references
        Numbers or aliases (champion, candidate, previous, origin); the first is the baseline.
    opened
        The open workspace.

    Raises
    ------
    DataFault
        Fewer than two different versions, or no evaluation set to compare them on.
    """
    versions, scores, gate = opened.versions, opened.scores, opened.settings.tables.gate
    found = _several(references, versions)
    folders = [versions.folder(version) for version in found]
    sets = {each.name: each for each in opened.anchor_sets.of(None)}
    for folder in folders:
        for each in folder.learned_anchors():
            sets.setdefault(each.name, each)
    if not sets:
        raise DataFault(
            "there is no evaluation set to compare on; name an anchor set ([anchors.NAME], "
            "anchorhold.toml)"
        )
    measured_on = list(sets.values())
    cards = [scores.of(folder, measured_on) for folder in folders]
    asked = [each for each in measured_on if each.queries]
    plan = None
    if opened.store.count_documents():
        plan = plan_index(opened, found[0], found[-1], measured_on).plan
    return CompareResult(
        metric=gate.metric,
        confidence=gate.confidence,
        versions=tuple(NamedVersion(version=v.number, aliases=v.aliases) for v in found),
        sets=tuple(ComparedSet(name=each.name, digest=each.digest) for each in measured_on),
        tasks=tuple(_task(task, cards, gate) for task in cards[0].tasks),
        regressions=tuple(
            _regressions(version, scores.regressions(folders[0], folder, measured_on))
            for version, folder in zip(found[1:], folders[1:], strict=True)
        ),
        notes=tuple(
            note
            for version, folder in zip(found, folders, strict=True)
            for note in _changed(version, folder.scorecard(), measured_on)
        ),
        plan=plan,
        movement=tuple(movement_of(opened, found[0], each, asked) for each in found[1:]),
    )


def compare_as_accepted(references: Sequence[str], opened: OpenWorkspace) -> CompareResult:
    """Compare versions by the scores that they were accepted with; nothing is computed or kept.

    Only tasks count whose evaluation set was the same for all of them; `notes` names the others.

    Parameters
    ----------
    references
        Numbers or aliases; the first is the baseline.
    opened
        The open workspace.

    Raises
    ------
    DataFault
        Fewer than two different versions, or they were measured on no common task.
    """
    versions, gate = opened.versions, opened.settings.tables.gate
    found = _several(references, versions)
    cards = [versions.folder(version).scorecard() for version in found]
    first, *others = (card.tasks for card in cards)
    shared = [
        name
        for name, scores in first.items()
        if all(name in each and each[name].set_digest == scores.set_digest for each in others)
    ]
    if not shared:
        raise DataFault(
            "these versions were accepted on no common evaluation set; `anchorhold compare` "
            "measures them on the sets of today"
        )
    left = sorted({name for card in cards for name in card.tasks} - set(shared))
    notes = ["scores as they were when each version was accepted"]
    notes += [f"not measured on the same queries: {', '.join(left)}"] if left else []
    return CompareResult(
        metric=gate.metric,
        confidence=gate.confidence,
        versions=tuple(NamedVersion(version=v.number, aliases=v.aliases) for v in found),
        sets=tuple(ComparedSet(name=each, digest=first[each].set_digest) for each in shared),
        tasks=tuple(_task(task, cards, gate) for task in shared),
        regressions=(),
        notes=tuple(notes),
    )


def write_comparison(page: Path, result: CompareResult, model: str) -> CompareResult:
    """Write a comparison as an HTML page and return it with the page's place.

    Raises
    ------
    DataFault
        The page cannot be written.
    """
    try:
        write_page(page, "compare.html", comparison_values(result, model))
    except OSError as fault:
        raise DataFault(f"{page}: cannot be written: {fault.strerror}") from None
    return result.changed(page=str(page))


def comparison_values(result: CompareResult, model: str) -> dict[str, object]:
    """Return what the template of a comparison shows."""
    baseline, several = result.versions[0].version, len(result.versions) > 2
    lines = [
        Interval(
            label=task_name(task.task) + (f": version {version.version}" if several else ""),
            low=each.low,
            difference=each.difference,
            high=each.high,
            good=True if each.low > 0 else False if each.high < 0 else None,
        )
        for task, version, _, each in result.differences()
    ]
    metric = metric_name(result.metric)
    chart = intervals_chart(lines, f"difference from version {baseline} ({metric})")
    return {
        "model": model,
        "result": result,
        "moved": [line for each in result.movement for line in movement_lines(each)],
        "planned": plan_page(result.plan),
        "intervals_chart": chart,
    }


def _several(references: Sequence[str], versions: Versions) -> list[Version]:
    found = {each.number: each for each in map(versions.named, references)}
    if len(found) < 2:
        raise DataFault(
            f"{', '.join(map(str, references)) or 'nothing'} names fewer than two different "
            "versions; compare needs at least two versions or aliases, such as 1 and champion"
        )
    return list(found.values())


def _changed(version: Version, accepted: Scorecard, sets: Sequence[EvaluationSet]) -> Iterator[str]:
    """Yield, as sentences, which sets are not those that the version was accepted on."""
    for each in sets:
        then = accepted.tasks.get(each.name)
        if then is not None and then.set_digest != each.digest:
            yield (
                f"{each.name} changed since version {version.number} was accepted (sha256 "
                f"{then.set_digest[:12]}, now {each.digest[:12]}); the scores are on today's set"
            )


def _regressions(version: Version, found: Regressions) -> VersionRegressions:
    return VersionRegressions(
        version=version.number,
        changes=found.changes,
        worst_queries=found.worst_queries,
        dark_documents=found.dark_documents,
    )


def _task(task: str, cards: Sequence[Scorecard], gate: Gate) -> ComparedTask:
    baseline = cards[0].tasks[task]
    return ComparedTask(
        task=task,
        queries=len(baseline.query_ids),
        means=tuple(float(card.tasks[task].mean(gate.metric)) for card in cards),
        differences=tuple(
            _difference(gate, gate.differences(baseline, card.tasks[task])) for card in cards[1:]
        ),
    )


def _difference(gate: Gate, change: NDArray[np.float64]) -> Difference:
    low, high = gate.bounds(change)
    return Difference(
        difference=float(np.mean(change)),
        low=low,
        high=high,
        better=int((change > 0).sum()),
        worse=int((change < 0).sum()),
        ties=int((change == 0).sum()),
    )
