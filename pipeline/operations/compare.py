"""Versions side by side: every task and slice, each difference's interval, and what got worse."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.registry import Version
from pipeline.reports import Interval, intervals_chart, write_page
from pipeline.workspace import OpenWorkspace
from training.evaluation import EvaluationSet, Scorecard
from training.faults import DataFault


def compare_versions(
    opened: OpenWorkspace, references: Sequence[str], *, page: Path | None = None
) -> dict[str, Any]:
    """Score versions on today's anchor sets and hold each against the first.

    Sets that a version learned later are part of the comparison too: the union over the versions
    named. Scores come from the cache where a version was scored on a set before; a version that was
    accepted on another state of a set is scored on today's, and `notes` says so.

    Parameters
    ----------
    opened
        The open workspace.
    references
        Numbers or aliases (champion, candidate, previous, origin); the first is the baseline.
    page
        Where to write the comparison as HTML too.

    Raises
    ------
    DataFault
        Fewer than two different versions, or nothing to compare them on.
    """
    versions = _distinct(opened.versions.named(reference) for reference in references)
    if len(versions) < 2:
        raise DataFault(
            "compare needs two different versions or aliases, such as: compare 1 champion"
        )
    sets = _all_sets(opened, versions)
    if not sets:
        raise DataFault(
            "there is nothing to compare on: name an anchor set ([anchors.…], anchorhold.toml)"
        )
    folders = [opened.versions.folder(version) for version in versions]
    cards = [opened.scores.of(folder, sets) for folder in folders]
    gate = opened.settings.tables.gate
    result = {
        "metric": gate.metric,
        "confidence": gate.confidence,
        "versions": [
            {"version": version.number, "aliases": list(version.aliases)} for version in versions
        ],
        "sets": [{"name": each.name, "digest": each.digest} for each in sets],
        "tasks": [_row(opened, task, cards) for task in cards[0].tasks],
        "regressions": [
            {
                "version": version.number,
                **opened.scores.regressions(folders[0], folder, sets).to_json(),
            }
            for version, folder in zip(versions[1:], folders[1:], strict=True)
        ],
        "notes": [
            note
            for version, folder in zip(versions, folders, strict=True)
            for note in _changed(version, folder.scorecard(), sets)
        ],
    }
    if page is not None:
        _write(page, result, opened.settings.tables.model.name)
        result["page"] = str(page)
    return result


def _distinct(versions: Iterator[Version]) -> list[Version]:
    return list({version.number: version for version in versions}.values())


def _all_sets(opened: OpenWorkspace, versions: Sequence[Version]) -> list[EvaluationSet]:
    found = {each.name: each for each in opened.anchor_sets.of(None)}
    for version in versions:
        for each in opened.versions.folder(version).learned_anchors():
            found.setdefault(each.name, each)
    return list(found.values())


def _changed(version: Version, accepted: Scorecard, sets: Sequence[EvaluationSet]) -> Iterator[str]:
    """Yield, as sentences, which sets are not those that the version was accepted on."""
    for each in sets:
        then = accepted.tasks.get(each.name)
        if then is not None and then.set_digest != each.digest:
            yield (
                f"{each.name} changed since version {version.number} was accepted (sha256 "
                f"{then.set_digest[:12]}, now {each.digest[:12]}): scored on today's"
            )


def _row(opened: OpenWorkspace, task: str, cards: Sequence[Scorecard]) -> dict[str, Any]:
    gate = opened.settings.tables.gate
    differences = []
    for card in cards[1:]:
        change = gate.differences(cards[0].tasks[task], card.tasks[task])
        low, high = gate.bounds(change)
        differences.append(
            {
                "difference": float(np.mean(change)),
                "low": low,
                "high": high,
                "better": int((change > 0).sum()),
                "worse": int((change < 0).sum()),
                "ties": int((change == 0).sum()),
            }
        )
    return {
        "task": task,
        "queries": len(cards[0].tasks[task].query_ids),
        "means": [float(card.tasks[task].mean(gate.metric)) for card in cards],
        "differences": differences,
    }


def _write(page: Path, result: Mapping[str, Any], model: str) -> None:
    numbers = [each["version"] for each in result["versions"]]
    lines = [
        Interval(
            label=f"{row['task']}" + (f": version {number}" if len(numbers) > 2 else ""),
            low=versus["low"],
            difference=versus["difference"],
            high=versus["high"],
            good=True if versus["low"] > 0 else False if versus["high"] < 0 else None,
        )
        for row in result["tasks"]
        for number, versus in zip(numbers[1:], row["differences"], strict=True)
    ]
    caption = f"difference from version {numbers[0]} ({result['metric']})"
    try:
        write_page(
            page,
            "compare.html",
            {"model": model, "result": result, "intervals_chart": intervals_chart(lines, caption)},
        )
    except OSError as fault:
        raise DataFault(f"{page}: cannot be written: {fault.strerror}") from None
