"""What is simulated without a workspace: the corpus of the demonstration, or the made catalogue."""

from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from pipeline.demo.docstrings import documentation_pairs
from pipeline.demo.material import NEW_PACKAGES, OLD_PACKAGES, bundled_model, shuffled
from pipeline.operations.simulate import simulated
from pipeline.results import SimulationResult
from pipeline.simulation import FAST, FULL, Corpus, Plan, Trial, distinct
from pipeline.simulation.catalogue import catalogue
from pipeline.store import Traffic
from pipeline.workspace import Settings, Tables
from training.progress import Progress, no_progress

Scenario = Literal["documentation", "catalogue"]
SCENARIOS: tuple[Scenario, ...] = ("documentation", "catalogue")

_ANSWERS = 300


def simulate_demo(
    scenario: Scenario,
    *,
    fast: bool,
    page: Path | None,
    dry_run: bool,
    progress: Progress = no_progress,
) -> SimulationResult:
    """Simulate a year without a workspace: the default settings, and the demonstration's model.

    Parameters
    ----------
    scenario
        What texts there are, as `demo_trial` takes it.
    fast
        One year, and nothing is trained.
    page
        Where to write a page for people; None: nowhere.
    dry_run
        Only say what would be computed.
    progress
        Shows how far it is.
    """
    trial = demo_trial(scenario, FAST if fast else FULL)
    return simulated(trial, bundled_model(), page, progress=progress, dry_run=dry_run)


def demo_trial(scenario: Scenario, plan: Plan) -> Trial:
    """Return a trial of the default settings with the model of the demonstration.

    Parameters
    ----------
    scenario
        "documentation": questions about installed Python packages, some known and some new;
        "catalogue": a shop of 2022 whose listings are those of 2024.
    plan
        How much is simulated.
    """
    values = {
        "model": {"name": "simulation", "base": str(bundled_model()), "max_length": 64},
        "data": {},
        # As in the demonstration: few pairs, so that it takes minutes.
        "holdout": {"share": 0.25},
        "finetune": {"epochs": 1},
        "gate": {"min_gain": 0.02},
    }
    tables = TypeAdapter(Tables).validate_python(values, context=Path())
    corpus = catalogue() if scenario == "catalogue" else documentation(plan)
    return Trial(
        settings=Settings(root=Path(), tables=tables, digest="simulated"),
        corpus=corpus,
        plan=plan,
        told="the default settings, and those of the demonstration for training",
    )


def documentation(plan: Plan) -> Corpus:
    """Return questions about known packages, and about new ones, with the passages as answers."""
    most = 6000 if plan.learn else 2700
    known = shuffled(documentation_pairs(OLD_PACKAGES, most=most))
    new = shuffled(documentation_pairs(NEW_PACKAGES, most=1600 if plan.learn else 800))
    return Corpus(
        name=(
            f"documentation of installed packages: {', '.join(OLD_PACKAGES)} are known, "
            f"{', '.join(NEW_PACKAGES)} are new"
        ),
        texts=distinct([Traffic(pair.query, id=pair.id) for pair in known]),
        new=tuple(Traffic(pair.query, id=pair.id) for pair in new),
        answers=tuple(pair.positive for pair in known[:_ANSWERS]),
        answers_known=True,
        pairs=tuple(known),
        new_pairs=tuple(new),
    )
