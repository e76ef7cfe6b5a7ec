"""Several workspaces on one registered model: only a person hands the champion over."""

import shutil
from datetime import UTC, datetime

import pytest

from pipeline.cycle import run as cycle_module
from pipeline.operations import Workspace
from pipeline.registry import ForeignChampion
from training.faults import AnchorholdError, DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def shared(turned, tmp_path):
    """Return the tracking store that a workspace with two versions shares, and that workspace."""
    Workspace.open(turned, now=NOW).status()
    database = tmp_path / "shared.db"
    (turned / ".anchorhold" / "mlflow.db").rename(database)
    settings = turned / "anchorhold.toml"
    settings.write_text(f'{settings.read_text()}[tracking]\nuri = "sqlite:///{database}"\n')
    return turned


@pytest.fixture
def newcomer(shared, tmp_path):
    """Return a new workspace with the same settings, data and registered model."""
    place = tmp_path / "newcomer"
    shutil.copytree(shared, place, ignore=lambda *_: [".anchorhold"])
    return Workspace.open(place, now=NOW)


def versions(workspace):
    with workspace._opened("test") as opened:
        return [(each.number, each.workspace) for each in opened.registry.all_versions()]


def test_a_new_workspace_does_not_touch_the_champion_of_another(shared, newcomer):
    first = Workspace.open(shared, now=NOW)
    before = versions(first)
    for command in (newcomer.run, newcomer.run, newcomer.status, newcomer.check):
        with pytest.raises(
            ForeignChampion, match=rf"another workspace \({before[0][1]}\).*--adopt"
        ):
            command()
    assert versions(first) == before
    assert first.run().outcome == "quiet"


def test_an_adopted_champion_belongs_to_the_new_workspace_and_all_data_is_new_to_it(
    shared, newcomer, tmp_path
):
    first = Workspace.open(shared, now=NOW)
    theirs = first.status().champion
    result = newcomer.run(adopt=True)
    assert (result.outcome, result.champion.version) == ("bootstrapped", 3)
    assert "version 2 of the workspace" in result.decision.reasons[0]
    status = newcomer.status()
    assert status.champion.fingerprint == theirs.fingerprint
    assert status.champion.age_days == theirs.age_days
    assert status.waiting.pairs == 300
    assert [(move.action, move.version, move.previous) for move in status.promotions] == [
        ("adopt", 3, None)
    ]
    with newcomer._opened("test") as opened:
        folder = opened.versions.folder(opened.versions.champion())
        assert folder.facts().cut == 0
        assert [each.name for each in folder.learned_anchors()] == ["anchor/learned-0002"]
        assert len(folder.memory()) > 200
        (place,) = {
            opened.registry.client.get_run(each.run_id).info.artifact_uri.rsplit("/", 2)[0]
            for each in opened.registry.versions()
        }
    assert place == (tmp_path / "newcomer" / ".anchorhold" / "artifacts").as_uri()
    # Asking again changes nothing, and the first workspace is told.
    assert newcomer.run(adopt=True).outcome != "bootstrapped"
    with pytest.raises(ForeignChampion, match=r"version 3, .*\(1, 2\) serve \(`anchorhold promote"):
        first.run()
    shutil.rmtree(shared)
    shutil.rmtree(tmp_path / "newcomer" / ".anchorhold" / "versions")
    assert newcomer.export("champion", tmp_path / "exported").version == 3


def test_the_first_workspace_takes_its_model_back_by_hand(shared, newcomer):
    newcomer.run(adopt=True)
    first = Workspace.open(shared, now=NOW)
    with pytest.raises(ForeignChampion, match="anchorhold promote"):
        first.rollback()
    move = first.promote(2, reason="the new one was a trial")
    assert (move.champion.version, move.previous) == (2, None)
    assert first.rollback().champion.version == 1
    with pytest.raises(ForeignChampion, match=r"is version 1, which"):
        newcomer.run()


@pytest.mark.parametrize("moment", ["before the move", "after the move"])
def test_an_adoption_that_was_interrupted_goes_on(shared, newcomer, monkeypatch, moment):
    install = cycle_module.Champions.install

    def interrupted(champions, version, **more):
        if moment == "after the move":
            champions.registry.promote(version, expected=more["expected"])
        raise KeyboardInterrupt

    monkeypatch.setattr(cycle_module.Champions, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        newcomer.run(adopt=True)
    monkeypatch.setattr(cycle_module.Champions, "install", install)
    result = newcomer.run()
    assert (result.cycle, result.outcome, result.champion.version) == ("0001", "bootstrapped", 3)
    assert [move.action for move in newcomer.status().promotions] == ["adopt"]


def test_there_must_be_a_champion_to_adopt(workspace):
    with pytest.raises(DataFault, match="none to take over; run without --adopt"):
        Workspace.open(workspace, now=NOW).run(adopt=True)


def test_a_champion_whose_files_are_gone_is_not_adopted(shared, newcomer):
    shutil.rmtree(shared / ".anchorhold" / "artifacts")
    with pytest.raises(AnchorholdError, match="could not fetch version 2"):
        newcomer.run(adopt=True)
    with pytest.raises(ForeignChampion, match="--adopt"):
        newcomer.run()


def test_versions_of_another_workspace_without_a_champion_are_left_alone(shared, newcomer):
    with Workspace.open(shared, now=NOW)._opened("test") as opened:
        opened.registry.client.delete_registered_model_alias("tiny-search", "champion")
    with pytest.raises(DataFault, match=r"belongs to another workspace .* none of its versions"):
        newcomer.run()


def test_a_lost_store_makes_another_workspace(turned):
    (turned / ".anchorhold" / "store.db").unlink()
    workspace = Workspace.open(turned, now=NOW)
    with pytest.raises(ForeignChampion, match="belongs to another workspace"):
        workspace.run()
    assert workspace.run(adopt=True).champion.version == 3
    assert workspace.status().waiting.pairs == 300


def test_a_lost_store_is_told_by_what_only_reads_and_no_empty_one_takes_its_place(turned):
    store = turned / ".anchorhold" / "store.db"
    store.unlink()
    workspace = Workspace.open(turned, now=NOW)
    for read in (workspace.status, workspace.check, workspace.report_all):
        with pytest.raises(
            DataFault, match=r"store\.db is gone or empty, .* `anchorhold run --adopt`"
        ):
            read()
    assert not store.exists()


def foreign_version(opened, alias):
    client, name = opened.registry.client, opened.registry.name
    run = client.create_run("0").info.run_id
    client.log_text(run, "a model of somebody else", "model/MLmodel")
    made = client.create_model_version(name, f"runs:/{run}/model", run)
    client.set_registered_model_alias(name, alias, made.version)
    return int(made.version)


def test_a_version_that_anchorhold_did_not_make_is_none_of_its_business(turned):
    workspace = Workspace.open(turned, now=NOW)
    with workspace._opened("test") as opened:
        foreign_version(opened, "staging")
    assert workspace.run().outcome == "quiet"
    assert workspace.run().outcome == "quiet"
    assert workspace.status().champion.version == 2
    with pytest.raises(AnchorholdError, match=r"'staging' .* this workspace made; versions: 1, 2;"):
        workspace.compare("champion", "staging")


def test_a_champion_that_anchorhold_did_not_make_is_told_and_replaced_by_hand(turned, tmp_path):
    workspace = Workspace.open(turned, now=NOW)
    with workspace._opened("test") as opened:
        foreign_version(opened, "champion")
    for command in (workspace.run, workspace.status, workspace.check, workspace.rollback):
        with pytest.raises(ForeignChampion, match=r"version 3, .*\(no workspace did\).*promote"):
            command()
    assert workspace.export(2, tmp_path / "exported").version == 2
    assert workspace.promote(2, reason="it was given away").champion.version == 2
    assert workspace.run().outcome == "quiet"
    assert workspace.rollback().champion.version == 1
