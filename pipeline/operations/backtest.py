"""Rehearsal of the triggers and the policy on past windows: false alarms, misses, delay."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from drift_triggers.backtest import Window, replay
from drift_triggers.signal import Observation
from pipeline.cycle import Gathered, checks, observe
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

TRUTH_FILE = "truth.json"


def rehearse(opened: OpenWorkspace, folder: Path | None, now: datetime) -> dict[str, Any]:
    """Replay windows against the champion's reference, as if each were looked at in turn.

    Parameters
    ----------
    folder
        JSONL, CSV or Parquet files of texts, one a window, looked at a day apart in the order of
        their names; a file truth.json (`{"name.jsonl": true}`) says which of them drifted. None:
        the windows of the stored cycles, whose truth is unknown.
    now
        The present, for the last window.

    Raises
    ------
    DataFault
        There is no window, or the truth names none of them.
    """
    champion = opened.versions.champion()
    windows = list(_of_folder(opened, folder, now) if folder else _of_store(opened, now))
    if not windows:
        where = f"{folder} holds no file of texts" if folder else "no cycle has looked at data yet"
        raise DataFault(f"{where}; a backtest needs at least one window")
    done = replay(windows, opened.settings.triggers, opened.settings.tables.policy)
    return {
        "champion": {"version": champion.number},
        "windows": [
            {
                "name": window.name,
                "drifted": window.drifted,
                "train": decision.train,
                "fired": [signal.trigger for signal in decision.signals if signal.fired],
                "reasons": list(decision.reasons),
            }
            for window, decision in zip(windows, done.decisions, strict=True)
        ],
        "scores": [asdict(score) for score in done.scores],
    }


def _look_of_champion(opened: OpenWorkspace) -> Callable[[Gathered, datetime], Observation]:
    """Return what the champion's triggers see of any window; its anchor sets are read once."""
    champion = opened.versions.folder(opened.versions.champion())
    anchors = opened.anchor_sets.of(champion)
    today = opened.scores.of(champion, anchors)
    return lambda gathered, now: observe(opened, champion, gathered, now, anchors, today)


def _of_folder(opened: OpenWorkspace, folder: Path, now: datetime) -> Iterator[Window]:
    files = sorted(
        path for path in folder.glob("*") if path.suffix in (".jsonl", ".csv", ".parquet")
    )
    truth = _truth(folder / TRUTH_FILE, {path.name for path in files})
    look = _look_of_champion(opened)
    for days, path in enumerate(files, start=1 - len(files)):
        texts, _ = opened.settings.tables.intake.parse(path, "traffic", now)
        if not texts:
            raise DataFault(f"{path}: holds no record; a window needs at least one text")
        gathered = Gathered(idle="", recent=texts)
        yield Window(
            name=path.name,
            hours=now.timestamp() / 3600 + 24 * days,
            observation=look(gathered, now),
            drifted=truth.get(path.name),
        )


def _truth(file: Path, names: set[str]) -> dict[str, bool]:
    if not file.exists():
        return {}
    try:
        truth = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as fault:
        raise DataFault(f"{file}: not JSON: {fault}") from None
    if not isinstance(truth, dict) or not all(value in (True, False) for value in truth.values()):
        raise DataFault(f"{file}: must hold an object of file names with true or false")
    if unknown := sorted(set(truth) - names):
        raise DataFault(f"{file}: names {unknown[0]!r}, which is no window of the folder")
    return truth


def _of_store(opened: OpenWorkspace, now: datetime) -> Iterator[Window]:
    look = _look_of_champion(opened)
    for row, window in reversed(checks(opened.store)):
        texts = opened.store.traffic(role="recent", after=window.since, until=window.until)
        if texts:
            gathered = Gathered(idle="", recent=texts)
            yield Window(
                name=f"cycle {row.id}",
                hours=row.started.timestamp() / 3600,
                observation=look(gathered, now),
            )
