"""Backtest: triggers and policy replayed over past windows: their mistakes, and their lead."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from drift_triggers.backtest import Window, replay
from drift_triggers.quality_drop import QualityDrop
from drift_triggers.signal import Observation
from pipeline.cycle import Gathered, checks, lately, later_reference, observe
from pipeline.operations.window_quality import WindowQuality
from pipeline.results import BacktestResult, PastWindow, Serving
from pipeline.store import Store, Traffic
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

TRUTH_FILE = "truth.json"
PAIRS_FOLDER, LOG_FOLDER = "pairs", "log"

_Observe = Callable[[list[Traffic]], Observation]


def backtest(opened: OpenWorkspace, folder: Path | None, now: datetime) -> BacktestResult:
    """Replay windows against the champion's reference, as if each had been checked in turn.

    Parameters
    ----------
    opened
        The open workspace.
    folder
        JSONL, CSV or Parquet files of texts, one window per file, checked one day apart in the
        order of their names; a file truth.json (`{"name.jsonl": true}`) says which of them drifted.
        Files of the same name in its folder `pairs` hold labelled pairs of the window, those in
        `log` what was served. None: the windows of the stored cycles, whose truth is unknown.
    now
        The present, for the last window.

    Raises
    ------
    DataFault
        There is no window, or the truth names none of them.
    """
    champion = opened.versions.champion()
    seen = _observer(opened, now)
    version = opened.versions.folder(champion)
    ballot = opened.settings.tables.feedback.ballot
    quality = WindowQuality(opened.scores, version, version.memory(), ballot=ballot)
    if folder is None:
        quality.served = opened.store.served(until=version.facts().cut)
        windows = list(_of_store(opened.store, seen, quality))
        nothing = "no cycle has checked data yet"
    else:
        windows = list(_of_folder(folder, opened, seen, quality, now))
        nothing = f"{folder} holds no file of texts"
    if not windows:
        raise DataFault(f"{nothing}; a backtest needs at least one window")
    done = replay(windows, opened.settings.triggers, opened.settings.tables.policy)
    return BacktestResult(
        champion=Serving(version=champion.number),
        windows=tuple(
            PastWindow(
                name=window.name,
                drifted=window.drifted,
                train=decision.train,
                fired=tuple(signal.trigger for signal in decision.signals if signal.fired),
                reasons=decision.reasons,
            )
            for window, decision in zip(windows, done.decisions, strict=True)
        ),
        scores=done.scores,
        losses=done.losses,
        quality_measured=done.quality_measured,
    )


def _observer(opened: OpenWorkspace, now: datetime) -> _Observe:
    """Return what the champion's triggers see of texts; its anchor sets are read once."""
    champion = opened.versions.folder(opened.versions.champion())
    anchors = opened.anchor_sets.of(champion)
    today = opened.scores.of(champion, anchors)
    added = later_reference(opened.store, champion.facts().cut)
    past = lately(opened.store, opened.settings.tables.policy, now)
    return lambda texts: observe(
        opened,
        champion,
        Gathered(idle="", recent=texts, later_reference=added),
        now,
        anchors,
        today,
        past,
    )


def _of_folder(
    folder: Path, opened: OpenWorkspace, seen: _Observe, quality: WindowQuality, now: datetime
) -> Iterator[Window]:
    intake, redaction = opened.settings.tables.intake, opened.settings.redaction
    files = _files(folder)
    names = {path.name for path in files}
    truth = _truth(folder / TRUTH_FILE, names)
    for part in (PAIRS_FOLDER, LOG_FOLDER):
        if unknown := sorted({path.name for path in _files(folder / part)} - names):
            raise DataFault(
                f"{folder / part}: {unknown[0]!r} has the name of no window of {folder}; a file "
                "here must be named as its window"
            )
    for days, path in enumerate(files, start=1 - len(files)):
        texts = intake.parse(path, "traffic", now, redaction=redaction)[0]
        if not texts:
            raise DataFault(f"{path}: holds no record; a window needs at least one text")
        labelled, log = folder / PAIRS_FOLDER / path.name, folder / LOG_FOLDER / path.name
        yield Window(
            name=path.name,
            hours=now.timestamp() / 3600 + 24 * days,
            observation=seen(texts),
            drifted=truth.get(path.name),
            quality=quality.of(
                intake.parse(labelled, "pair", now, opened.store, redaction)[0]
                if labelled.exists()
                else (),
                intake.parse(log, "served", now, redaction=redaction)[0] if log.exists() else (),
            ),
        )


def _files(folder: Path) -> list[Path]:
    endings = (".jsonl", ".csv", ".tsv", ".parquet")
    return sorted(path for path in folder.glob("*") if path.suffix in endings)


def _truth(file: Path, names: set[str]) -> dict[str, bool]:
    if not file.exists():
        return {}
    try:
        truth = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as fault:
        raise DataFault(f"{file}: not JSON: {fault}") from None
    if not isinstance(truth, dict) or not all(value in (True, False) for value in truth.values()):
        raise DataFault(f"{file}: must be an object of file names with true or false")
    if unknown := sorted(set(truth) - names):
        raise DataFault(f"{file}: names {unknown[0]!r}, which is not a window of the folder")
    return truth


def _of_store(store: Store, seen: _Observe, quality: WindowQuality) -> Iterator[Window]:
    for past, checked in reversed([*checks(store)]):
        texts = store.traffic(role="recent", after=checked.since, until=checked.until)
        if texts:
            fell = [
                signal.reason
                for signal in past.result.decision.signals
                if signal.trigger == QualityDrop.name and signal.fired
            ]
            yield Window(
                name=f"cycle {past.id}",
                hours=past.started.timestamp() / 3600,
                observation=seen(texts),
                quality=quality.of(
                    store.pairs(role="recent", after=checked.since, until=checked.until),
                    store.served(after=checked.since, until=checked.until),
                ),
                lost=fell[0] if fell else "",
            )
