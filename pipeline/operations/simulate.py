"""Simulate a year: the texts of a workspace, its champion and its settings; nothing is changed."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipeline.observation.served import own_answers
from pipeline.reports import write_simulation_page
from pipeline.results import SimulationResult
from pipeline.simulation import Corpus, Plan, Trial, distinct, foreseen, simulate
from pipeline.simulation.learning import trained
from pipeline.store import Store
from pipeline.workspace import Encoders, OpenWorkspace
from training.progress import Progress

_ANSWERS = 300


def simulate_workspace(
    opened: OpenWorkspace,
    plan: Plan,
    file: Path | None,
    now: datetime,
    *,
    page: Path | None,
    dry_run: bool,
) -> SimulationResult:
    """Simulate a year with the settings, the champion and the texts of a workspace.

    Parameters
    ----------
    file
        Texts to draw the windows from; None: those that the workspace has stored.
    page
        Where to write the page; None: nowhere.
    dry_run
        Only say what would be computed.
    """
    settings = opened.settings
    trial = Trial(
        settings=settings,
        corpus=_corpus(opened, file, now),
        plan=plan,
        told=f"the settings of {settings.tables.model.name}",
        watches=False,
    )
    champion = opened.versions.folder(opened.versions.champion())
    return simulated(trial, champion.model, page, progress=opened.progress, dry_run=dry_run)


def simulated(
    trial: Trial,
    model: Path,
    page: Path | None,
    *,
    progress: Progress,
    dry_run: bool,
) -> SimulationResult:
    """Simulate a year in a folder that is deleted afterwards, and write the page.

    Parameters
    ----------
    model
        Folder of the model that serves.
    page
        Where to write the page; None: nowhere.
    """
    if dry_run:
        return foreseen(trial)
    tables = trial.settings.tables
    with tempfile.TemporaryDirectory(prefix="anchorhold-simulate-") as folder:
        encoders = Encoders(
            max_length=tables.model.max_length,
            cache=Path(folder) / "embeddings",
            device=tables.compute.device,
            precision=tables.model.precision,
        )
        encoder = encoders.load(model)
        found = simulate(trial, encoder, progress=progress)
        if trial.plan.learn:
            trainings, why = trained(
                trial.settings, trial.corpus, encoder, (model, Path(folder)), progress
            )
            found = found.changed(
                trainings=trainings,
                untrained=why,
                seconds=found.seconds + sum(each.seconds for each in trainings),
            )
    if page is None:
        return found
    return found.changed(page=str(write_simulation_page(page, found)))


def _corpus(opened: OpenWorkspace, file: Path | None, now: datetime) -> Corpus:
    store = opened.store
    if file is None:
        texts = [*store.traffic(role="reference"), *store.traffic(role="recent")]
        name = "the texts that the workspace has stored"
    else:
        intake, redaction = opened.settings.tables.intake, opened.settings.redaction
        texts, name = intake.parse(file, "traffic", now, redaction=redaction)[0], str(file)
    answers, known = _answers(store)
    return Corpus(
        name=name,
        texts=distinct([replace(each, timestamp=None) for each in texts]),
        answers=answers,
        answers_known=known,
        pairs=(*store.pairs(role="history"), *store.pairs(role="recent")),
    )


def _answers(store: Store) -> tuple[tuple[str, ...], bool]:
    """Return what the system answered, and whether its log says so; else its documents."""
    lines = store.served(latest=10 * _ANSWERS)
    told = own_answers(lines, {})
    if told:
        return told[:_ANSWERS], True
    return tuple(each.text for each in store.sample_documents(_ANSWERS)), False
