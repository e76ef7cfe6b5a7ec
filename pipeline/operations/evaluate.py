"""Evaluation: a version measured again, beside the scores it was accepted with."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from pipeline.cycle import record_golden
from pipeline.gate import Gate
from pipeline.intake import benchmark_sets
from pipeline.registry import Version
from pipeline.results import EvaluatedTask, EvaluateResult
from pipeline.workspace import OpenWorkspace
from training.evaluation import Scorecard, TaskScores, dimensions_of, left_out
from training.faults import DataFault


def evaluate_again(opened: OpenWorkspace, reference: str, now: datetime) -> EvaluateResult:
    """Encode a version's golden sets again and compare the scores with those at its acceptance.

    Nothing is read from the caches: the scores are those that this installation, with today's
    settings and today's sets, gives the version's weights. A set that changed since then is
    scored, but not compared. The means go to MLflow, where they form a line over the cycles.

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
            "there is no golden set to evaluate on; name an anchor set ([anchors.NAME], "
            "anchorhold.toml)"
        )
    tables = opened.settings.tables
    encoder = opened.encoders.for_scores(folder.model).load_alone(folder.model)
    dimensions = tables.model.dimensions
    card = tables.evaluate.score(encoder, sets, opened.progress, dimensions)
    accepted = folder.scorecard()
    tasks = _tasks(card, accepted, tables.gate, opened.anchor_sets.margins)
    notes = tuple(
        f"{task.task}: {_not_compared(task.task, card, accepted, tables.gate.metric)}; there is "
        "nothing to compare with"
        for task in tasks
        if task.accepted is None
    )
    notes += left_out(sets)
    if opened.encoders.identity(folder) != folder.facts().fingerprint:
        notes += (
            "the settings give this version another embedding space than it was accepted with "
            "(model.max_length, model.precision)",
        )
    run = record_golden(opened.registry, opened.store, version, card.means(), now)
    return _result(version, tables.gate, tasks, notes, run)


def evaluate_on_benchmark(
    opened: OpenWorkspace, reference: str, benchmark: str, now: datetime
) -> EvaluateResult:
    """Score a version on a public benchmark; each version is scored once on each state of it.

    The parameters are those of `evaluate_again`, and what `benchmark_sets` takes.

    Raises
    ------
    DataFault
        The benchmark cannot be read.
    """
    version = opened.versions.named(reference)
    sets = benchmark_sets(benchmark, opened.settings.root)
    card = opened.scores.of(opened.versions.folder(version), sets)
    gate = opened.settings.tables.gate
    tasks = _tasks(card, Scorecard(card.fingerprint, {}), gate, opened.anchor_sets.margins)
    whole = [task.now for task in tasks if dimensions_of(task.task) is None]
    notes = left_out(sets)
    if len(whole) > 1:
        notes += (f"mean over {len(whole)} sets: {np.mean(whole):.4f}",)
    run = record_golden(opened.registry, opened.store, version, card.means(), now)
    return _result(version, gate, tasks, notes, run)


def _result(
    version: Version, gate: Gate, tasks: tuple[EvaluatedTask, ...], notes: tuple[str, ...], run: str
) -> EvaluateResult:
    return EvaluateResult(
        version=version.number,
        aliases=version.aliases,
        metric=gate.metric,
        tasks=tasks,
        fell=tuple(task.task for task in tasks if task.fell),
        notes=notes,
        run_id=run,
    )


def _tasks(
    card: Scorecard, accepted: Scorecard, gate: Gate, margins: Mapping[str, float]
) -> tuple[EvaluatedTask, ...]:
    return tuple(
        _task(
            task,
            scores,
            _same_set(task, scores, accepted, gate.metric),
            gate,
            gate.margin_of(task, margins),
        )
        for task, scores in card.tasks.items()
    )


def _task(
    task: str, now: TaskScores, then: TaskScores | None, gate: Gate, margin: float
) -> EvaluatedTask:
    found = EvaluatedTask(
        task=task, queries=len(now.query_ids), now=now.mean(gate.metric), margin=margin
    )
    if then is None:
        return found
    change = gate.differences(then, now)
    low, high = gate.bounds(change)
    return found.changed(
        accepted=then.mean(gate.metric),
        difference=float(change.mean()),
        low=low,
        high=high,
        fell=high < -margin,
    )


def _not_compared(task: str, now: Scorecard, accepted: Scorecard, metric: str) -> str:
    """Return why no scores at acceptance are comparable with today's scores of a task."""
    length = dimensions_of(task)
    if length is not None and length not in map(dimensions_of, accepted.tasks):
        return "the version was accepted without this length of vectors (model.dimensions)"
    then = accepted.tasks.get(task)
    if then is not None and metric not in then.metrics:
        return f"the version was accepted without {metric} (gate.metric)"
    chosen = now.tasks[task].precision
    if then is not None and then.precision != chosen:
        return (
            f"the version was accepted with scores in {then.precision}, and these are in {chosen} "
            "(evaluate.precision)"
        )
    return "the set changed since the version was accepted"


def _same_set(task: str, now: TaskScores, accepted: Scorecard, metric: str) -> TaskScores | None:
    """Return the scores of the same queries on the same set at acceptance, whatever its name then.

    A set may have got another name in the settings, and a slice may have been declared since.
    """
    for name, then in accepted.tasks.items():
        same = then.set_digest == now.set_digest and dimensions_of(name) == dimensions_of(task)
        same = same and then.precision == now.precision
        if same and metric in then.metrics and set(now.query_ids) <= set(then.query_ids):
            return then.of_queries(now.query_ids)
    return None
