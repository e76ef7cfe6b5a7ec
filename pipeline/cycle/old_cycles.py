"""What is no longer needed of finished cycles: reports, stages, and the runs of trainings."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from pipeline.cycle.old_files import Old, old_folder
from pipeline.machine import size_of_folder
from pipeline.registry import delete_files, delete_run, remove, size_of_files
from pipeline.results import TRAINED, CycleResult
from pipeline.store import Pruned
from pipeline.workspace import OpenWorkspace, within

_UNFINISHED = ("base", "attempts", "version")
"""Folders of a cycle that its version replaces."""


def old_cycles(
    opened: OpenWorkspace, of_versions: Mapping[str, str], now: datetime, *, measure: bool
) -> Iterator[Old]:
    """Yield the reports and stages of finished cycles that go, and why others stay.

    Parameters
    ----------
    opened
        The open workspace.
    of_versions
        Why cycles stay that made a version that stays.
    now
        The present, for the record.
    measure
        Whether to measure what stays, too.
    """
    store, keep = opened.store, opened.settings.tables.keep
    finished, gone = store.finished_cycles(), store.pruned("cycle")
    newest = set(finished[: within(keep.cycles)])
    why = f"[keep] cycles = {keep.cycles}"
    for cycle in reversed(finished):
        folder = folder_of(opened, cycle)
        if cycle in gone and gone[cycle].done:
            if folder.exists():  # Another machine deleted the rest.
                yield old_folder("cycles", folder, gone[cycle].reason)
        elif cycle in newest or cycle in of_versions:
            told = why if cycle in newest else of_versions[cycle]
            yield Old("cycles", cycle, told, size_of_folder(folder) if measure else None)
        else:
            told = f"{why} (anchorhold.toml)"
            run = _result(opened, cycle).run_id
            size = size_of_folder(folder) + size_of_files(opened.registry, run, "others")
            yield Old(
                "cycles", cycle, told, size, partial(_delete_details, opened, cycle, told, now)
            )


def old_runs(opened: OpenWorkspace, of_versions: Mapping[str, str], now: datetime) -> Iterator[Old]:
    """Yield the trainings whose runs go, and why others stay.

    The parameters are those of `old_cycles`.
    """
    store, keep = opened.store, opened.settings.tables.keep
    trained, gone = store.finished_cycles(TRAINED), store.pruned("run")
    newest = set(trained[: within(keep.runs)])
    why = f"[keep] runs = {keep.runs}"
    for cycle in reversed(trained):
        if cycle in gone and gone[cycle].done:
            continue
        if cycle in newest or cycle in of_versions:
            yield Old("runs", cycle, why if cycle in newest else of_versions[cycle])
            continue
        told, runs = f"{why} (anchorhold.toml)", _trainings(_result(opened, cycle))
        size = sum(size_of_files(opened.registry, run, "others") for run in runs)
        yield Old("runs", cycle, told, size, partial(_delete_runs, opened, cycle, runs, told, now))


def leftovers(opened: OpenWorkspace) -> Iterator[Old]:
    """Yield what finished cycles left besides their reports: the registry holds it too."""
    unfinished = opened.store.unfinished_cycle()
    why = "working files of a finished cycle"
    for folder in sorted((opened.settings.state / "cycles").glob("*/*")):
        cycle = folder.parent.name
        if unfinished is not None and cycle == unfinished.id:
            continue
        if folder.name in _UNFINISHED or folder.name.endswith(".partial"):
            yield old_folder("leftovers", folder, why, f"{cycle}/{folder.name}")


def folder_of(opened: OpenWorkspace, cycle: str) -> Path:
    """Return the folder of a cycle on this machine."""
    return opened.settings.state / "cycles" / cycle


def _result(opened: OpenWorkspace, cycle: str) -> CycleResult:
    row = opened.store.cycle(cycle)
    return CycleResult.of_store(row.result if row else {})


def _trainings(result: CycleResult) -> list[str]:
    """Return the runs of the trainings of a cycle, without that of the cycle itself."""
    training = result.training
    if training is None:
        return []
    runs = [training.run_id, *(each.run_id for each in training.attempts if each.run_id)]
    return sorted({run for run in runs if run} - {result.run_id})


def _delete_details(opened: OpenWorkspace, cycle: str, why: str, now: datetime) -> None:
    store, result = opened.store, _result(opened, cycle)
    store.mark_pruned(Pruned("cycle", cycle, why, now))
    delete_files(opened.registry, result.run_id, "others")
    if result.training is not None:
        # The loss of each step is drawn in the report only.
        result = result.changed(training=result.training.changed(log=()))
    store.forget_details(cycle, result.to_json())
    remove(folder_of(opened, cycle))
    store.finish_pruned("cycle", cycle)


def _delete_runs(
    opened: OpenWorkspace, cycle: str, runs: list[str], why: str, now: datetime
) -> None:
    opened.store.mark_pruned(Pruned("run", cycle, why, now))
    for run in runs:
        delete_run(opened.registry, run)
    opened.store.finish_pruned("run", cycle)
