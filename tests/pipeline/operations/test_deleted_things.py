"""What somebody deleted in MLflow or on disk: one sentence with the way out, or no matter."""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.operations import Workspace
from training.faults import AnchorholdError

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = "tiny-search"

Damage = Callable[[Path], None]


def in_mlflow(what: Callable) -> Damage:
    """Return a damage that is done through MLflow's client, given the registry."""

    def damage(space: Path) -> None:
        with Workspace.open(space, now=NOW)._opened("test") as opened:
            what(opened.registry)

    return damage


def run_of(registry, number: int) -> str:
    return registry.version(number).run_id


def runs_gone_for_good(registry) -> None:
    """Delete all runs as `mlflow gc` does."""
    store = registry.client._tracking_client.store
    for run in registry.client.search_runs([registry.experiment]):
        store._hard_delete_run(run.info.run_id)


def experiment_gone_for_good(registry) -> None:
    runs_gone_for_good(registry)
    registry.client.delete_experiment(registry.experiment)
    registry.client._tracking_client.store._hard_delete_experiment(registry.experiment)


def files_of(space: Path, pattern: str) -> list[Path]:
    return [path for path in (space / ".anchorhold" / "artifacts").rglob(pattern) if path.is_file()]


def without_copies(damage: Damage) -> Damage:
    def both(space: Path) -> None:
        damage(space)
        shutil.rmtree(space / ".anchorhold" / "versions")

    return both


def remove_artifacts(space: Path) -> None:
    shutil.rmtree(space / ".anchorhold" / "artifacts")


def truncate_weights(space: Path) -> None:
    for path in files_of(space, "model.safetensors"):
        path.write_bytes(path.read_bytes()[:-100])


def remove_memory(space: Path) -> None:
    for path in files_of(space, "*.parquet"):
        path.unlink()


def remove(*names: str) -> Damage:
    def damage(space: Path) -> None:
        for name in names:
            path = space / ".anchorhold" / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def empty(name: str) -> Damage:
    return lambda space: (space / ".anchorhold" / name).write_bytes(b"")


def rename_model(registry) -> None:
    registry.client.rename_registered_model(MODEL, "renamed")


def another_name(space: Path) -> None:
    settings = space / "anchorhold.toml"
    settings.write_text(settings.read_text().replace(f'"{MODEL}"', '"another-name"'))


FINE = ""
DAMAGES: dict[str, tuple[Damage, str]] = {
    "the experiment was deleted": (
        in_mlflow(lambda registry: registry.client.delete_experiment(registry.experiment)),
        "experiment 'tiny-search' was deleted in MLflow; restore it",
    ),
    "the experiment is gone for good": (
        in_mlflow(experiment_gone_for_good),
        FINE,
    ),
    "the champion's run was deleted": (
        in_mlflow(lambda registry: registry.client.delete_run(run_of(registry, 2))),
        FINE,
    ),
    "all runs were deleted": (
        in_mlflow(
            lambda registry: [
                registry.client.delete_run(each.info.run_id)
                for each in registry.client.search_runs([registry.experiment])
            ]
        ),
        FINE,
    ),
    "the runs are gone for good": (in_mlflow(runs_gone_for_good), FINE),
    "the runs are gone for good, and the copies": (
        without_copies(in_mlflow(runs_gone_for_good)),
        r"could not fetch version 2: .*; restore its files there",
    ),
    "the champion was deleted": (
        in_mlflow(lambda registry: registry.client.delete_model_version(MODEL, "2")),
        r"version 2 was the champion, .* `anchorhold promote VERSION --reason …` \(1\)",
    ),
    "the first champion was deleted": (
        in_mlflow(lambda registry: registry.client.delete_model_version(MODEL, "1")),
        FINE,
    ),
    "the registered model was deleted": (
        in_mlflow(lambda registry: registry.client.delete_registered_model(MODEL)),
        "no registered model 'tiny-search', but version 2 of it serves in this workspace; restore",
    ),
    "the registered model was renamed": (
        in_mlflow(rename_model),
        "its versions are registered as 'renamed': set model.name to that, or rename it back",
    ),
    "the model has another name in the settings": (
        another_name,
        "its versions are registered as 'tiny-search': set model.name",
    ),
    "the files of runs are gone": (remove_artifacts, FINE),
    "the files of runs are gone, and the copies": (
        without_copies(remove_artifacts),
        r"could not fetch version 2: .*; restore its files there",
    ),
    "the weights are cut off": (truncate_weights, FINE),
    "the weights are cut off, and the copies are gone": (
        without_copies(truncate_weights),
        r"version 2 is damaged where it is stored: .* bytes, .*; restore its files there",
    ),
    "the memory is gone, and the copies": (
        without_copies(remove_memory),
        r"version 2 is damaged where it is stored: .*; restore its files there",
    ),
    "MLflow's database is gone": (
        remove("mlflow.db"),
        r"mlflow\.db is missing or empty, .* restore",
    ),
    "MLflow's database is empty": (empty("mlflow.db"), r"mlflow\.db is missing or empty"),
    "the store is gone": (remove("store.db"), "belongs to another workspace"),
    "what can be made again is gone": (
        remove("cycles", "cache", "versions", "workspace.id", "workspace.place"),
        FINE,
    ),
}


def verbs(space: Path, tmp_path: Path) -> dict[str, Callable[[Workspace], object]]:
    return {
        "status": Workspace.status,
        "check": Workspace.check,
        "compare": lambda work: work.compare("champion", "origin"),
        "export": lambda work: work.export("champion", tmp_path / "exported"),
        "report": Workspace.report,
        "evaluate": Workspace.evaluate,
        "backtest": Workspace.backtest,
        "discard": lambda work: work.discard(source="travel", reason="a test"),
        "run": Workspace.run,
        "run again": Workspace.run,
        "rollback": Workspace.rollback,
        "promote": lambda work: work.promote(1, reason="a test"),
    }


def told(space: Path, verb: Callable[[Workspace], object]) -> str:
    """Return the sentence that a verb ends with; empty where it does its work."""
    try:
        with Workspace.open(space, now=NOW) as workspace:
            verb(workspace)
    except AnchorholdError as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize("case", DAMAGES)
def test_a_run_goes_on_or_names_the_way_out(turned, case):
    damage, sentence = DAMAGES[case]
    damage(turned)
    said = told(turned, Workspace.run)
    assert re.search(sentence, said) if sentence else not said, said
    assert "\n" not in said


@pytest.mark.slow
@pytest.mark.parametrize("case", DAMAGES)
def test_no_command_ends_with_a_traceback(turned, tmp_path, case):
    DAMAGES[case][0](turned)
    for name, verb in verbs(turned, tmp_path).items():
        said = told(turned, verb)
        assert "\n" not in said, name
