"""The record of a cycle in MLflow: runs, metrics, data sets, decision, verdict and report."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime

from pipeline.cycle.all_cycles import EVERY_CYCLE, record_over_cycles
from pipeline.cycle.charted import cosine_metrics, cycle_metrics, plan_metrics
from pipeline.cycle.journal import Journal
from pipeline.cycle.notes import (
    WITHOUT_LABELS,
    cycle_note,
    decided_note,
    replayed_share,
    run_name,
    version_note,
    waits,
)
from pipeline.registry import CHAMPION, SIGNATURE_TAG, Measured, Registry, Version
from pipeline.reports import MOST_CYCLES, sign, write_report
from pipeline.results import (
    CheckedTexts,
    CycleResult,
    IndexPlan,
    RegressionsResult,
    TrainingResult,
    past_cycles,
)
from pipeline.search import DOCUMENTS
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace, Settings
from training.finetuning import CONFIGURED, FineTune

_PREFIX = "anchorhold."
_AXES = ("step", "epoch")
"""What the rows of a training log are drawn over."""


def open_record(registry: Registry, journal: Journal) -> str:
    """Return the id of the cycle's run; a resumed cycle continues in the run it began."""
    return registry.open_run(
        journal.cycle, name=f"{journal.cycle} running", started=journal.started
    )


def record_training(
    registry: Registry,
    finetune: FineTune,
    journal: Journal,
    run: str,
    training: TrainingResult,
    attempt: str = "training",
) -> str:
    """Record a training as a child of the cycle's run and return the child's id."""
    child = registry.open_run(
        journal.cycle,
        # The strategy that stands for the settings as they are needs no name of its own.
        name=f"{journal.cycle} training" if attempt == CONFIGURED else attempt,
        parent=run,
        attempt=attempt,
        started=journal.started,
    )
    settings = dataclasses.asdict(finetune)
    used = {"precision": training.precision, "device": training.device}
    registry.log_params(child, {**settings, **used})
    for row in training.log:
        metrics = {f"train/{name}": value for name, value in row.items() if name not in _AXES}
        registry.log_metrics(child, metrics, step=int(row["step"]), at=journal.started)
    note = (
        f"{training.steps} steps over {training.pairs} pairs, "
        f"{training.held} of them held to the champion's embeddings"
    )
    registry.close_run(child, note=note)
    return child


def close_record(opened: OpenWorkspace, journal: Journal, run: str, result: CycleResult) -> None:
    """Record the outcome: metrics by task, data sets, JSON and HTML files, a description.

    What they show of texts, `report.texts` says.
    """
    registry, at, shown = opened.registry, journal.started, opened.settings.shown_texts
    result = shown(result)
    registry.log_metrics(run, dict(cycle_metrics(result)), step=int(journal.cycle), at=at)
    registry.log_params(run, dict(_params(opened.settings, result)))
    for name, digest, context, rows in result.lesson.data_sets if result.lesson else ():
        registry.log_dataset(run, name, digest, context, rows)
    _describe_version(opened, journal, run, result)
    for name, part in (
        ("decision", result.decision),
        ("verdict", result.verdict),
        ("intake", result.intake),
        ("lesson", result.lesson),
    ):
        if part is not None:
            registry.log_json(run, f"{name}.json", part.to_json())
    registry.log_json(run, "result.json", result.to_json())
    worse = shown(journal.result("regressions", RegressionsResult))
    path = journal.folder / "report.html"
    plan = shown(journal.result("plan", IndexPlan))
    report = write_report(
        path,
        result,
        worse,
        opened.settings.tables.model.name,
        plan,
        texts=shown(journal.result("texts", CheckedTexts)),
        earlier=[shown(each.result) for each in past_cycles(opened.store, MOST_CYCLES)[::-1]],
    )
    signature = sign(report, journal.cycle, opened.settings.tables.report.key)
    registry.log_text(run, "report.html", report.read_text(encoding="utf-8"))
    if worse:
        registry.log_json(run, "regressions.json", worse.to_json())
    if plan:
        registry.log_json(run, "plan.json", plan.to_json())
    tags = _tags(result) | ({SIGNATURE_TAG: signature} if signature else {})
    registry.close_run(run, name=run_name(result), note=cycle_note(result), tags=tags)
    gate = opened.settings.tables.gate
    record_over_cycles(registry, opened.store, journal, result, gate.metric)
    # A cycle that found nothing to check adds no point to the line.
    if result.outcome == "bootstrapped" or result.decision.signals:
        champion = opened.versions.champion()
        folder = opened.versions.folder(champion)
        means = opened.scores.of(folder, opened.anchor_sets.of(folder)).means()
        record_golden(registry, opened.store, champion, means, at)


def _describe_version(
    opened: OpenWorkspace, journal: Journal, run: str, result: CycleResult
) -> None:
    """Describe the version that the cycle made, and hang its scores on its logged model."""
    if result.made is None:
        return
    registry = opened.registry
    version = registry.version(result.made.version)
    scorecard = opened.versions.folder(version).scorecard()
    step = int(journal.cycle)
    if version.logged_model is not None:
        registry.name_output(run, version.logged_model)
    registry.log_scores(run, version.logged_model, scorecard, step=step, at=journal.started)
    for given in result.cosines[-1].sets if result.cosines else ():
        measured = Measured(version.logged_model, given.task, given.digest)
        found = dict(cosine_metrics(given))
        registry.log_metrics(run, found, step=step, at=journal.started, of=measured)
    if result.plan:
        measured = Measured(version.logged_model, DOCUMENTS, result.plan.documents_digest)
        metrics = dict(plan_metrics(result.plan))
        registry.log_metrics(run, metrics, step=step, at=journal.started, of=measured)
    registry.describe(version, version_note(result))


def record_decision(
    registry: Registry, version: Version, outcome: str, decision: str, now: datetime
) -> None:
    """Record what a person decided about a version, on its page and in the name of its cycle.

    Parameters
    ----------
    registry, version
        The version.
    outcome
        A word for the name of the run of a cycle whose version waited.
    decision
        What was decided, by whom or why.
    now
        The present.
    """
    if waits(version.description):
        registry.rename_cycle(version.cycle, f"{version.cycle} {outcome} v{version.number}")
    registry.describe(version, decided_note(version.description, decision, now))


def record_golden(
    registry: Registry, store: Store, version: Version, means: Mapping[str, float], at: datetime
) -> str:
    """Record a version's scores on its golden sets, and return the id of the run.

    One long-lived run holds the scores of the champion, at the number of the last cycle, so that
    charts show a line over the cycles; other versions have a run each.
    """
    whose = "the champion" if CHAMPION in version.aliases else f"version {version.number}"
    name = f"golden sets of {whose}"
    run = registry.open_run(EVERY_CYCLE, name=name, attempt=name, started=at)
    cycles = store.cycles(limit=1)
    registry.log_metrics(run, means, step=int(cycles[0].id) if cycles else 0, at=at)
    registry.close_run(run, note=f"Scores of {whose} on its golden sets over the cycles.")
    return run


def _params(settings: Settings, result: CycleResult) -> Iterator[tuple[str, object]]:
    """Yield what people sort cycles by; all settings of a training are with its own run."""
    training, lesson = result.training, result.lesson
    if training is None or lesson is None:
        return
    yield "strategy", training.strategy
    if not training.pairs:
        return
    finetune = settings.following(training.strategy).tables.finetune
    yield "learning_rate", finetune.learning_rate
    yield "epochs", finetune.epochs
    yield "pairs", training.pairs
    yield "replayed_share", round(replayed_share(lesson.recent, lesson.replayed), 3)


def _tags(result: CycleResult) -> dict[str, str]:
    return {
        f"{_PREFIX}outcome": result.outcome,
        f"{_PREFIX}champion": str(result.champion.version),
        f"{_PREFIX}candidate": str(result.candidate.version) if result.candidate else "none",
        f"{_PREFIX}fired": ", ".join(result.decision.fired) or "none",
        f"{_PREFIX}source": result.source,
        **({f"{_PREFIX}device": result.computing.device} if result.computing else {}),
        **_moved(result),
        **({WITHOUT_LABELS: "true"} if result.verdict and result.verdict.without_labels else {}),
    }


def _moved(result: CycleResult) -> dict[str, str]:
    """Return what became of the versions before the cycle began."""
    canary, left = result.canary, result.rolled_back
    found = {f"{_PREFIX}canary": f"v{canary.candidate} {canary.state}"} if canary else {}
    return found | ({f"{_PREFIX}rolled_back": f"v{left.version}"} if left else {})
