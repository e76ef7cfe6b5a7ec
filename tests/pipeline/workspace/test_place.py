"""A workspace works where it lies now: moved, copied, linked, or with an odd name."""

import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.machine import hold_workspace
from pipeline.operations import Workspace
from pipeline.store import Store
from training.faults import AnchorholdError, DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SHARED = '[tracking]\nuri = "sqlite:///{}"\n'


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file of a folder."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def recorded_places(database: Path) -> set[str]:
    """Return all places of files that MLflow's database names."""
    connection = sqlite3.connect(database)
    columns = {
        "experiments": "artifact_location",
        "runs": "artifact_uri",
        "model_versions": "storage_location",
        "logged_models": "artifact_location",
    }
    found = {
        place
        for table, column in columns.items()
        for (place,) in connection.execute(f"SELECT {column} FROM {table}")
    }
    connection.close()
    return {place for place in found if "unused" not in place}


def sharing(workspace: Path, database: Path) -> Path:
    """Let a workspace that learned already use a tracking store outside of it."""
    (workspace / ".anchorhold" / "mlflow.db").rename(database)
    settings = workspace / "anchorhold.toml"
    settings.write_text(settings.read_text() + SHARED.format(database), encoding="utf-8")
    return workspace


@pytest.mark.parametrize("name", ["a b", "q?x#y%41 50%", "quo'te\"[x]", "ünïcödé 模型"])
def test_a_copy_works_at_its_place_and_leaves_its_original_alone(turned_once, tmp_path, name):
    copy = tmp_path / name
    shutil.copytree(turned_once, copy)
    before = contents(turned_once)
    shutil.rmtree(copy / ".anchorhold" / "versions")
    with Workspace.open(f"{copy}/", now=NOW) as workspace:
        assert workspace.export("champion", tmp_path / "exported").version == 2
        assert workspace.rollback(reason="a test").champion.version == 1
        assert workspace.run().champion.version == 1
    here = (copy / ".anchorhold" / "artifacts").as_uri()
    places = recorded_places(copy / ".anchorhold" / "mlflow.db")
    assert {place for place in places if "space" in place} == set()
    assert sum(place.startswith(here) for place in places) > 5
    assert contents(turned_once) == before
    assert {path.name for path in tmp_path.iterdir()} == {name, "exported"}


def test_a_reader_waits_for_the_runner_of_a_workspace_that_moved(turned):
    with (
        hold_workspace(turned / ".anchorhold", doing="run", now=NOW),
        Workspace.open(turned, now=NOW) as workspace,
        pytest.raises(AnchorholdError, match="is in use: `anchorhold run`"),
    ):
        workspace.status()


def test_a_linked_workspace_is_the_same_workspace(turned, tmp_path):
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.status()
    before = contents(turned / ".anchorhold" / "artifacts")
    (tmp_path / "link").symlink_to(turned)
    (turned / ".anchorhold").rename(tmp_path / "state elsewhere")
    (turned / ".anchorhold").symlink_to(tmp_path / "state elsewhere")
    with Workspace.open(tmp_path / "link", now=NOW) as workspace:
        assert workspace.run().outcome == "quiet"
    elsewhere = tmp_path / "state elsewhere"
    assert len(contents(elsewhere / "artifacts")) > len(before)
    assert "turned" not in " ".join(recorded_places(elsewhere / "mlflow.db"))


def test_a_moved_workspace_takes_its_rows_of_a_shared_store_along(turned, tmp_path):
    shared = tmp_path / "shared.db"
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.status()
    moved = sharing(turned, shared).rename(tmp_path / "moved")
    shutil.rmtree(moved / ".anchorhold" / "versions")
    with Workspace.open(moved, now=NOW) as workspace:
        assert workspace.export("champion", tmp_path / "exported").version == 2
        assert workspace.run().outcome == "quiet"
    assert not turned.exists()
    assert "turned" not in " ".join(recorded_places(shared))


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_copy_that_shares_a_store_with_its_original_is_refused(turned, tmp_path, command):
    shared = tmp_path / "shared.db"
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.status()
    copy = tmp_path / "copy"
    shutil.copytree(sharing(turned, shared), copy)
    before = (contents(turned), shared.read_bytes())
    with (
        Workspace.open(copy, now=NOW) as workspace,
        pytest.raises(DataFault, match=r"copy is a copy of .*turned, .* tracking\.uri points; to"),
    ):
        getattr(workspace, command)()
    assert (contents(turned), shared.read_bytes()) == before
    # The way out: the original goes, and the copy is the workspace.
    shutil.rmtree(turned / ".anchorhold")
    with Workspace.open(copy, now=NOW) as workspace:
        assert getattr(workspace, command)().champion.version == 2


def test_an_experiment_with_a_place_of_its_own_keeps_it(turned, tmp_path):
    place = (tmp_path / "big disk").as_uri()
    connection = sqlite3.connect(turned / ".anchorhold" / "mlflow.db")
    with connection:
        connection.execute("UPDATE experiments SET artifact_location = ?", (place,))
    connection.close()
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.run()
    assert any((tmp_path / "big disk").iterdir())


def test_an_identity_is_that_of_the_store(turned):
    state = turned / ".anchorhold"
    with Store.open(f"sqlite:///{state / 'store.db'}") as store:
        assert store.identity() == (state / "workspace.id").read_text()
    with Store.open("sqlite://") as one, Store.open("sqlite://") as other:
        assert one.identity(in_use="0f") == one.identity() != other.identity()


def test_a_relative_path_names_the_same_workspace(turned, monkeypatch):
    monkeypatch.chdir(turned / "pairs")
    with Workspace.open("..", now=NOW) as workspace:
        assert workspace.run().outcome == "quiet"
    assert os.listdir(turned / "pairs") == ["travel.jsonl"]
