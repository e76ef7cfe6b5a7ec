"""Re-evaluation: a version measured anew on its golden sets, beside what it was accepted with."""

from datetime import datetime
from typing import Any

import numpy as np

from pipeline.cycle import record_golden
from pipeline.intake import benchmark_sets
from pipeline.registry import Version
from pipeline.workspace import OpenWorkspace
from training.encoding import Encoder
from training.evaluation import Scorecard, TaskScores
from training.faults import DataFault


def evaluate_again(opened: OpenWorkspace, reference: str, now: datetime) -> dict[str, Any]:
    """Encode a version's golden sets anew and hold the scores against those of its acceptance.

    Nothing is taken from the caches: what is measured is what this installation, with today's
    settings and today's sets, makes of the version's weights. A set that changed since then is
    scored, but has nothing to be compared with. The means go to MLflow, where they are a line over
    the cycles.

    Parameters
    ----------
    opened
        The open workspace.
    reference
        Number or alias of the version.
    now
        The present.

    Raises
    ------
    DataFault
        There is no golden set to evaluate on.
    """
    version = opened.versions.named(reference)
    folder = opened.versions.folder(version)
    sets = opened.anchor_sets.of(folder)
    if not sets:
        raise DataFault(
            "there is nothing to evaluate on: name an anchor set ([anchors.…], anchorhold.toml)"
        )
    tables = opened.settings.tables
    encoder = Encoder.load(folder.model, max_length=tables.model.max_length)
    card = tables.evaluate.score(encoder, sets, opened.progress)
    accepted = folder.scorecard()
    rows = [_row(opened, task, scores, accepted) for task, scores in card.tasks.items()]
    notes = _notes(rows, encoder.fingerprint == folder.facts().fingerprint)
    return _recorded(opened, version, card, rows, notes, now)


def evaluate_on_benchmark(
    opened: OpenWorkspace, reference: str, benchmark: str, now: datetime
) -> dict[str, Any]:
    """Score a version on a public benchmark, once ever for each state of it.

    The parameters are those of `evaluate_again`, and what `benchmark_sets` takes.

    Raises
    ------
    DataFault
        The benchmark cannot be had.
    """
    version = opened.versions.named(reference)
    sets = benchmark_sets(benchmark, opened.settings.root)
    card = opened.scores.of(opened.versions.folder(version), sets)
    nothing = Scorecard(card.fingerprint, {})
    rows = [_row(opened, task, scores, nothing) for task, scores in card.tasks.items()]
    mean = float(np.mean([row["now"] for row in rows]))
    notes = [f"mean over {len(rows)} sets: {mean:.4f}"] if len(rows) > 1 else []
    return _recorded(opened, version, card, rows, notes, now)


def _recorded(
    opened: OpenWorkspace,
    version: Version,
    card: Scorecard,
    rows: list[dict[str, Any]],
    notes: list[str],
    now: datetime,
) -> dict[str, Any]:
    return {
        "version": version.number,
        "aliases": list(version.aliases),
        "metric": opened.settings.tables.gate.metric,
        "tasks": rows,
        "fell": [row["task"] for row in rows if row["fell"]],
        "notes": notes,
        "run_id": record_golden(opened.registry, opened.store, version, card.means(), now),
    }


def _row(opened: OpenWorkspace, task: str, now: TaskScores, accepted: Scorecard) -> dict[str, Any]:
    gate = opened.settings.tables.gate
    margin = gate.margin_of(task, opened.anchor_sets.margins)
    row: dict[str, Any] = {
        "task": task,
        "queries": len(now.query_ids),
        "now": now.mean(gate.metric),
        "accepted": None,
        "difference": None,
        "low": None,
        "high": None,
        "margin": margin,
        "fell": False,
    }
    then = _same_set(task, now, accepted)
    if then is None:
        return row
    change = gate.differences(then, now)
    low, high = gate.bounds(change)
    return {
        **row,
        "accepted": then.mean(gate.metric),
        "difference": float(change.mean()),
        "low": low,
        "high": high,
        "fell": high < -margin,
    }


def _same_set(task: str, now: TaskScores, accepted: Scorecard) -> TaskScores | None:
    """Return the scores of the same queries on the same set at acceptance, whatever its name then.

    The version's own new task became one of its learned anchor sets.
    """
    named = accepted.tasks.get(task)
    for then in (*([named] if named else []), *accepted.tasks.values()):
        if (then.set_digest, then.query_ids) == (now.set_digest, now.query_ids):
            return then
    return None


def _notes(tasks: list[dict[str, Any]], same_space: bool) -> list[str]:
    notes = [
        f"{row['task']}: not the set that the version was accepted on; there is nothing to compare"
        for row in tasks
        if row["accepted"] is None
    ]
    if not same_space:
        notes.append(
            "the settings make another embedding space of this version than it was accepted with "
            "(model.max_length)"
        )
    return notes
