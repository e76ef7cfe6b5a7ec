"""What somebody deletes or edits in MLflow between two stages of a cycle.

The next run says one sentence with the way on, or ends the cycle. Nothing is promoted that did not
pass, and what passed is promoted.
"""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.operations import Workspace
from pipeline.store import Store
from training.faults import AnchorholdError

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MODEL = "tiny-search"


def delete(version: str):
    return lambda registry: registry.client.delete_model_version(MODEL, version)


def tag(version: str, name: str, value: str):
    return lambda registry: registry.client.set_model_version_tag(
        MODEL, version, f"anchorhold.{name}", value
    )


def head(value: str):
    return lambda registry: registry.client.set_registered_model_tag(
        MODEL, registry._head_tag, value
    )


def without_files(version: int, *, copy: bool):
    def remove(registry) -> None:
        run = registry.client.get_run(registry.version(version).run_id)
        place = Path(run.info.artifact_uri.removeprefix("file://"))
        for folder in ("model", "version"):
            shutil.rmtree(place / folder)
        (place / "version.manifest.json").unlink()
        if copy:
            shutil.rmtree(registry.state / "versions" / str(version), ignore_errors=True)

    return remove


def restore_experiment(client) -> None:
    client.restore_experiment(client.get_experiment_by_name(MODEL).experiment_id)


ENDS = {
    "all runs were deleted": (
        lambda registry: [
            registry.client.delete_run(each.info.run_id)
            for each in registry.client.search_runs([registry.experiment])
        ],
        "promoted",
    ),
    "the alias was moved to the candidate": (
        lambda registry: registry.client.set_registered_model_alias(MODEL, "champion", "2"),
        "promoted",
    ),
    "the head of the history was deleted": (
        lambda registry: registry.client.delete_registered_model_tag(MODEL, registry._head_tag),
        "promoted",
    ),
    "the files of the champion were deleted, and a copy is here": (
        without_files(1, copy=False),
        "promoted",
    ),
    "the tags of the candidate were edited": (tag("2", "cycle", "0009"), "promoted"),
    "the candidate was deleted": (delete("2"), "inconclusive"),
    "the candidate was made another workspace's": (tag("2", "workspace", "x"), "inconclusive"),
}
SAYS = {
    "the champion was deleted": (
        delete("1"),
        r"version 1 was the champion, .* `anchorhold promote VERSION --reason …` \(2\)",
    ),
    "the alias was deleted": (
        lambda registry: registry.client.delete_registered_model_alias(MODEL, "champion"),
        r"no version of tiny-search has the alias champion .*; name one with `anchorhold promote",
    ),
    "the registered model was deleted": (
        lambda registry: registry.client.delete_registered_model(MODEL),
        "MLflow has no registered model 'tiny-search', .*; restore MLflow from a backup",
    ),
    "the experiment was deleted": (
        lambda registry: registry.client.delete_experiment(registry.experiment),
        "the experiment 'tiny-search' was deleted in MLflow; restore it there",
    ),
    "the seal of the candidate was edited": (
        tag("2", "manifest", "0" * 64),
        "version 2 is damaged where it is stored: version.manifest.json: .* or delete it in MLflow",
    ),
    "the seal of the champion was edited": (
        tag("1", "manifest", "0" * 64),
        "version 1 is damaged where it is stored: version.manifest.json: .* from a backup",
    ),
    "the files of the candidate were deleted": (
        without_files(2, copy=True),
        "could not fetch version 2: .* or delete it in MLflow",
    ),
    "the files of the champion were deleted, and its copy": (
        without_files(1, copy=True),
        "could not fetch version 1: .* from a backup",
    ),
    "the head of the history was edited": (
        head(f"1 {'0' * 64}"),
        "row 1 of the promotion history does not have the hash .*; restore the store and MLflow",
    ),
    "the head of the history is no head": (head("nothing"), "history_head.* is 'nothing'; it must"),
}


@pytest.fixture
def between(interrupted, tmp_path):
    """Let something happen to MLflow in a copy of a cycle that was measured and not yet judged."""

    def happen(event) -> Workspace:
        space = shutil.copytree(interrupted["evaluate"], tmp_path / "space")
        workspace = Workspace.open(space, now=NOW)
        with workspace._opened("test") as opened:
            event(opened.registry)
        return workspace

    return happen


def moves(workspace: Workspace) -> list[int]:
    with Store.open(workspace.settings.store_url) as store:
        store.verify_promotions()
        return [each.version for each in store.promotions()]


@pytest.mark.slow
@pytest.mark.parametrize("case", ENDS)
def test_the_next_run_ends_the_cycle(between, case):
    event, outcome = ENDS[case]
    workspace = between(event)
    result = workspace.run()
    assert (result.cycle, result.outcome) == ("0002", outcome)
    assert moves(workspace) == ([1, 2] if outcome == "promoted" else [1])
    assert workspace.status().champion.version == moves(workspace)[-1]


@pytest.mark.slow
@pytest.mark.parametrize("case", SAYS)
def test_the_next_run_says_one_sentence_and_promotes_nothing(between, case):
    event, sentence = SAYS[case]
    workspace = between(event)
    for _ in range(2):
        with pytest.raises(AnchorholdError) as fault:
            workspace.run()
        assert re.search(sentence, str(fault.value)), fault.value
        assert "\n" not in str(fault.value)
    assert moves(workspace) == [1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "way_on", "outcome"),
    [
        (
            "the seal of the candidate was edited",
            lambda client: client.delete_model_version(MODEL, "2"),
            "inconclusive",
        ),
        ("the experiment was deleted", restore_experiment, "promoted"),
        (
            "the alias was deleted",
            lambda client: client.set_registered_model_alias(MODEL, "champion", "1"),
            "promoted",
        ),
    ],
)
def test_the_way_on_that_is_said_leads_on(between, case, way_on, outcome):
    from mlflow.tracking import MlflowClient

    workspace = between(SAYS[case][0])
    with pytest.raises(AnchorholdError):
        workspace.run()
    way_on(MlflowClient(workspace.settings.tracking_uri))
    assert workspace.run().outcome == outcome


@pytest.mark.slow
def test_a_lost_alias_is_repaired_and_the_cycle_goes_on(between):
    workspace = between(SAYS["the alias was deleted"][0])
    found = Workspace.doctor(workspace.settings.root, quick=True, repair=True, now=NOW)
    assert [(each.part, each.done) for each in found.repairs] == [("champion", True)]
    assert workspace.run().outcome == "promoted"
