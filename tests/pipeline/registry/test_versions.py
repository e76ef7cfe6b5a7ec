"""Versions are stored with their hashes and fetched checked; the champion moves by comparison."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.registry import ChampionMoved, RegistryFault, open_registry
from pipeline.registry.versions import ModelDamaged, UnknownVersion
from training.manifest import Manifest

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def opened(state, **more):
    return open_registry(
        f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="support-search",
        workspace_state=state,
        **more,
    )


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An MLflow store with its tables only; making one costs seconds."""
    state = tmp_path_factory.mktemp("store")
    open_registry(
        f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="another",
        workspace_state=state,
    )
    return state / "mlflow.db"


@pytest.fixture
def state(tmp_path, empty_store):
    state = tmp_path / ".anchorhold"
    state.mkdir()
    shutil.copy(empty_store, state / "mlflow.db")
    return state


@pytest.fixture
def registry(state):
    return opened(state)


def folder_of(tmp_path, weights=b"weights"):
    folder = tmp_path / "made"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.safetensors").write_bytes(weights)
    (folder / "scorecard.json").write_text("{}")
    return folder


@pytest.fixture
def make(registry, tmp_path):
    def make(cycle):
        run = registry.open_run(cycle, name=f"cycle {cycle}")
        return registry.register(run, cycle, folder_of(tmp_path, cycle.encode()))

    return make


def files_of(registry, version):
    """Return the folder with the files of the run that made a version."""
    uri = registry.client.get_run(version.run_id).info.artifact_uri
    return Path(uri.removeprefix("file://"))


def stored_file(registry, version, name):
    """Return where the store has a file of a local copy."""
    files = files_of(registry, version)
    if name.startswith("model/"):
        return files / "model" / name.replace("model/", "model.sentence_transformer/")
    return files / "version" / name


def test_opening_makes_the_experiment_and_the_model_of_the_settings(state):
    registry = opened(state)
    experiment = registry.client.get_experiment(registry.experiment)
    assert experiment.name == "support-search"
    assert experiment.artifact_location == (state / "mlartifacts").as_uri()
    assert "champion" in registry.client.get_registered_model("support-search").description
    assert registry.champion() is None
    assert registry.versions() == []
    assert opened(state).workspace == registry.workspace


def test_a_version_is_registered_once_however_often_it_is_tried(registry, tmp_path):
    run = registry.open_run("0001", name="cycle 0001")
    folder = folder_of(tmp_path)
    # What a process leaves that was killed while it stored the files.
    registry.client.log_text(run, "half", "version/model/model.safetensors")
    registry.client.log_text(run, "left over", "version/other.txt")
    version = registry.register(run, "0001", folder, {"anchorhold.parent": "7"})
    assert registry.register(run, "0001", folder) == version
    assert [each.number for each in registry.versions()] == [1]
    assert version.tags["anchorhold.parent"] == "7"
    assert version.tags["anchorhold.cycle"] == version.cycle == "0001"
    copy = registry.fetch(version)
    assert (copy / "model" / "model.safetensors").read_bytes() == b"weights"
    assert not (copy / "other.txt").exists()
    stored = Manifest.of(copy, besides=("version.manifest.json",))
    assert version.tags["anchorhold.manifest"] == stored.digest
    assert stored.files.keys() > Manifest.of(folder).files.keys()


def test_a_version_of_an_earlier_release_is_fetched(registry, tmp_path):
    run, folder = registry.open_run("0001", name="cycle 0001"), folder_of(tmp_path)
    manifest = Manifest.of(folder)
    # All files together, and no description for MLflow.
    registry.client.log_artifacts(run, str(folder), "version")
    registry.client.log_text(run, manifest.to_text(), "version.manifest.json")
    tags = {
        "anchorhold.cycle": "0001",
        "anchorhold.manifest": manifest.digest,
        "anchorhold.workspace": registry.workspace,
    }
    registry.client.create_model_version(
        registry.name, source=f"runs:/{run}/version", run_id=run, tags=tags
    )
    copy = registry.fetch(registry.version(1))
    assert (copy / "model" / "model.safetensors").read_bytes() == b"weights"
    assert (copy / "scorecard.json").read_text() == "{}"


KILLED_BETWEEN_THE_UPLOADS = """
import os, sys
sys.path.insert(0, sys.argv[1])
from mlflow.tracking import MlflowClient
from test_versions import Path, folder_of, opened
MlflowClient.log_artifact = lambda *_: os._exit(9)
registry = opened(Path(sys.argv[2]))
run = registry.open_run("0001", name="cycle 0001")
registry.register(run, "0001", folder_of(Path(sys.argv[3])))
"""


def test_a_registration_killed_between_the_uploads_is_repeated(registry, state, tmp_path):
    here = str(Path(__file__).parent)
    script = [sys.executable, "-c", KILLED_BETWEEN_THE_UPLOADS, here, str(state), str(tmp_path)]
    assert subprocess.run(script, timeout=120).returncode == 9
    assert registry.versions() == []
    (left,) = registry.client.search_logged_models([registry.experiment])
    assert str(left.status) == "PENDING"
    # Another command, which does not resume the cycle, sweeps up; then the cycle is resumed.
    registry.reap()
    assert str(registry.client.get_logged_model(left.model_id).status) == "FAILED"
    run = registry.open_run("0001", name="cycle 0001")
    version = registry.register(run, "0001", folder_of(tmp_path))
    (model,) = registry.client.search_logged_models([registry.experiment])
    assert str(model.status) == "READY"
    assert version.tags["anchorhold.logged_model"] == model.model_id == left.model_id
    assert json.loads(model.tags["mlflow.modelVersions"])[0]["version"] == version.number == 1
    copy = registry.fetch(version)
    assert (copy / "scorecard.json").read_text() == "{}"
    weights = [file for file in files_of(registry, version).rglob("*.safetensors")]
    assert len(weights) == 1


def test_a_version_that_was_registered_by_a_killed_process_is_named_on_its_run_and_model(
    registry, tmp_path, monkeypatch
):
    run, folder = registry.open_run("0001", name="cycle 0001"), folder_of(tmp_path)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(registry.client), "set_tag", killed)
        with pytest.raises(KeyboardInterrupt):
            registry.register(run, "0001", folder)
    version = registry.register(run, "0001", folder)
    assert version.number == 1
    assert registry.client.get_run(run).data.tags["anchorhold.version"] == "1"
    model = registry.client.get_logged_model(version.logged_model)
    assert json.loads(model.tags["mlflow.modelVersions"])[0]["version"] == 1


def test_a_logged_model_that_is_still_being_stored_is_not_swept(registry):
    run = registry.open_run("0001", name="cycle 0001")
    model = registry.open_logged_model(run, "0001")
    registry.reap()
    assert str(registry.client.get_logged_model(model).status) == "PENDING"


def test_a_fetch_draws_no_bars_and_leaves_the_environment_as_it_was(
    registry, make, monkeypatch, capfd
):
    version = make("0001")
    monkeypatch.delenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", raising=False)
    before = dict(os.environ)
    capfd.readouterr()
    registry.fetch(version)
    assert "Downloading" not in capfd.readouterr().err
    assert dict(os.environ) == before


def test_a_fetched_version_is_a_private_copy(registry, make, state):
    version = make("0001")
    copy = registry.fetch(version)
    assert copy == state / "versions" / "1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    (copy / "model" / "model.safetensors").write_bytes(b"edited")
    stored = stored_file(registry, version, "model/model.safetensors")
    assert stored.read_bytes() == b"0001"


@pytest.mark.parametrize(
    "damage",
    [
        lambda copy: (copy / "model" / "model.safetensors").write_bytes(b"0002"),
        lambda copy: (copy / "scorecard.json").unlink(),
        lambda copy: (copy / "model" / "added.py").write_text("print('run me')"),
        lambda copy: (copy / "version.manifest.json").write_text("{}"),
        lambda copy: (copy / "version.manifest.json").unlink(),
    ],
)
def test_a_damaged_local_copy_is_fetched_again(registry, make, damage):
    version = make("0001")
    damage(registry.fetch(version))
    copy = registry.fetch(version)
    assert (copy / "model" / "model.safetensors").read_bytes() == b"0001"
    files = sorted(path.name for path in copy.rglob("*") if path.is_file())
    described = ["MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"]
    own = ["model.safetensors", "scorecard.json", "version.manifest.json"]
    assert files == sorted([*described, *own])


def test_a_copy_damaged_between_two_processes_is_fetched_again(state, registry, make):
    version = make("0001")
    copy = registry.fetch(version)
    (copy / "model" / "model.safetensors").write_bytes(b"0002")
    opened(state).fetch(version)
    assert (copy / "model" / "model.safetensors").read_bytes() == b"0001"


def test_a_flipped_byte_in_the_store_is_refused_naming_the_file(registry, make, state):
    version = make("0001")
    stored_file(registry, version, "model/model.safetensors").write_bytes(b"0003")
    with pytest.raises(ModelDamaged, match=r"version 1 is damaged.*model/model\.safetensors"):
        registry.fetch(version)
    assert not (state / "versions" / "1").exists()


@pytest.mark.parametrize("gone", ["model/model.safetensors", "../version.manifest.json"])
def test_a_file_missing_in_the_store_is_refused_naming_it(registry, make, gone):
    version = make("0001")
    stored_file(registry, version, gone).unlink()
    with pytest.raises(RegistryFault, match=Path(gone).name):
        registry.fetch(version)


def test_a_manifest_that_was_exchanged_with_its_files_is_refused(registry, make):
    version = make("0001")
    stored = stored_file(registry, version, "model/model.safetensors")
    stored.write_bytes(b"evil")
    manifest = Manifest.of(stored.parents[1])
    (files_of(registry, version) / "version.manifest.json").write_text(manifest.to_text())
    with pytest.raises(ModelDamaged, match="is not the one that was registered"):
        registry.fetch(version)


def test_a_folder_with_a_link_is_not_registered(registry, tmp_path):
    folder = folder_of(tmp_path)
    (folder / "model" / "secret").symlink_to("/etc/hostname")
    run = registry.open_run("0001", name="cycle 0001")
    with pytest.raises(ModelDamaged, match="is a symbolic link"):
        registry.register(run, "0001", folder)
    assert registry.versions() == []


def test_an_empty_folder_is_not_registered(registry, tmp_path):
    (tmp_path / "nothing").mkdir()
    run = registry.open_run("0001", name="cycle 0001")
    with pytest.raises(ModelDamaged, match="holds no file"):
        registry.register(run, "0001", tmp_path / "nothing")


def test_versions_are_found_by_number_and_alias(registry, make):
    make("0001")
    registry.promote(registry.version(1), expected=None)
    registry.set_candidate(make("0002"))
    assert registry.version("champion").number == registry.version("1").number == 1
    assert registry.version("candidate").number == registry.version("v2").number == 2
    with pytest.raises(
        UnknownVersion, match=r"no version '7' of support-search; versions: 1, 2; aliases: candid"
    ):
        registry.version("7")


def test_a_promotion_moves_champion_previous_and_candidate(registry, make):
    first, second = make("0001"), make("0002")
    assert registry.promote(first, expected=None).aliases == ("champion",)
    registry.set_candidate(second)
    assert registry.promote(second, expected=1).aliases == ("champion",)
    assert registry.champion().number == 2
    assert registry.version("previous").number == 1
    with pytest.raises(UnknownVersion):
        registry.version("candidate")


def test_going_back_is_a_promotion_too(registry, make):
    first, second = make("0001"), make("0002")
    registry.promote(first, expected=None)
    registry.promote(second, expected=1)
    registry.promote(first, expected=2)
    assert registry.champion().number == 1
    assert registry.version("previous").number == 2


def test_a_champion_that_somebody_else_moved_is_never_overwritten(registry, make):
    for cycle in ("0001", "0002", "0003"):
        make(cycle)
    registry.promote(registry.version(1), expected=None)
    registry.promote(registry.version(3), expected=1)
    with pytest.raises(
        ChampionMoved, match="the champion is version 3, not version 1 that was compared against"
    ):
        registry.promote(registry.version(2), expected=1)
    with pytest.raises(ChampionMoved, match="not none"):
        registry.promote(registry.version(2), expected=None)
    assert registry.champion().number == 3
    assert registry.version("previous").number == 1


def test_a_move_that_was_made_may_be_repeated(registry, make):
    make("0001")
    registry.promote(registry.version(1), expected=None)
    make("0002")
    registry.promote(registry.version(2), expected=1)
    registry.promote(registry.version(2), expected=1)
    assert registry.champion().number == 2
    assert registry.version("previous").number == 1


def test_a_version_that_was_deleted_is_not_promoted(registry, make):
    version = make("0001")
    registry.client.delete_model_version("support-search", "1")
    with pytest.raises(UnknownVersion):
        registry.promote(version, expected=None)


def test_of_two_promotions_at_once_exactly_one_is_made(registry, make):
    first = make("0001")
    rivals = [make("0002"), make("0003")]
    registry.promote(first, expected=None)
    for _ in range(3):
        registry.promote(first, expected=registry.champion().number)
        outcomes = []
        start = threading.Barrier(2)

        def move(version, outcomes=outcomes, start=start):
            start.wait()
            try:
                outcomes.append(registry.promote(version, expected=1).number)
            except ChampionMoved:
                outcomes.append(None)

        threads = [threading.Thread(target=move, args=(each,)) for each in rivals]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        made = [each for each in outcomes if each is not None]
        assert len(made) == 1
        assert registry.champion().number == made[0]
        assert registry.version("previous").number == 1


def test_tags_of_a_version_can_be_added(registry, make):
    registry.tag(make("0001"), {"anchorhold.verdict": "rejected"})
    assert registry.version(1).tags["anchorhold.verdict"] == "rejected"


def test_the_head_of_the_history_is_kept_with_the_model(registry, state):
    assert registry.history_head() is None
    registry.set_history_head(3, "ab" * 32)
    registry.set_history_head(4, "cd" * 32)
    assert opened(state).history_head() == (4, "cd" * 32)


def test_workspaces_that_share_a_model_keep_a_head_each(registry, state, tmp_path):
    other = open_registry(
        f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="support-search",
        workspace_state=tmp_path / "other",
    )
    registry.set_history_head(3, "ab" * 32)
    assert other.history_head() is None
    other.set_history_head(1, "cd" * 32)
    assert registry.history_head() == (3, "ab" * 32)


@pytest.mark.parametrize("edited", ["", "3", "three " + "ab" * 32, "3 abc"])
def test_a_head_that_was_edited_is_refused(registry, edited):
    registry.set_history_head(3, "ab" * 32)
    name = f"anchorhold.history_head.{registry.workspace}"
    registry.client.set_registered_model_tag("support-search", name, edited)
    with pytest.raises(RegistryFault, match="it must be the number of rows"):
        registry.history_head()


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, pipeline.registry; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
