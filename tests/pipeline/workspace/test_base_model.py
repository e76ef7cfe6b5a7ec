"""The base model: a change after the first version has no effect, and is told at every command."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from conftest import make_workspace
from safetensors.numpy import load_file, save_file

from pipeline import Workspace
from pipeline.workspace.base_model import Base
from pipeline.workspace.settings_file import load_settings
from training.faults import DataFault
from training.sealed_json import read_sealed, write_sealed

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def other_weights(model):
    """Change the weights of a model folder; the file keeps its size."""
    file = model / "model.safetensors"
    weights = {name: np.ascontiguousarray(-each) for name, each in load_file(file).items()}
    size = file.stat().st_size
    save_file(weights, file, metadata={"format": "pt"})
    assert file.stat().st_size == size


def with_setting(root, before, after):
    settings = root / "anchorhold.toml"
    assert before in settings.read_text()
    settings.write_text(settings.read_text().replace(before, after))


@pytest.fixture(scope="module")
def own_base_once(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return a workspace after its first run, with the base in a folder of its own, to copy."""
    place = tmp_path_factory.mktemp("own_base") / "space"
    workspace = make_workspace(place, tiny_model, empty_tracking_store)
    shutil.copytree(tiny_model, workspace / "models" / "base")
    with_setting(workspace, str(tiny_model), "models/base")
    with Workspace.open(workspace, now=NOW) as work:
        assert work.run().outcome == "bootstrapped"
        assert work.status().warnings == ()
    return workspace


@pytest.fixture
def own_base(own_base_once, tmp_path):
    """Return a copy of that workspace."""
    return shutil.copytree(own_base_once, tmp_path / "space")


def test_other_weights_in_the_folder_of_the_base_are_told_and_change_nothing(own_base):
    other_weights(own_base / "models" / "base")
    with Workspace.open(own_base, now=NOW + timedelta(hours=1)) as work:
        result, status, check = work.run(), work.status(), work.check()
        report = Path(work.report().report)
    (warning,) = result.decision.warnings
    assert "model.base 'models/base' holds other files than before" in warning
    assert "`anchorhold candidate models/base` takes them through the gate" in warning
    assert status.warnings == check.warnings == (warning,)
    assert "holds other files than before" in report.read_text()
    assert (result.outcome, result.champion.version) == ("quiet", 1)


def test_a_base_that_is_gone_or_was_moved_is_no_matter(own_base):
    shutil.move(own_base / "models" / "base", own_base / "models" / "old")
    with Workspace.open(own_base, now=NOW) as work:
        assert work.status().warnings == ()
    with_setting(own_base, "models/base", "models/old")
    with Workspace.open(own_base, now=NOW) as work:
        assert work.status().warnings == ()


def test_another_base_of_the_same_shape_is_told_by_its_name(opened, tmp_path, tiny_model):
    champion = opened.versions.champion()
    assert opened.warnings(champion) == ()
    shutil.copytree(tiny_model, tmp_path / "other")
    root = opened.settings.root
    with_setting(root, str(tiny_model), str(tmp_path / "other"))
    renamed = opened.following(load_settings(root))
    assert renamed.warnings(champion) == (), "another place, the same model"
    other_weights(tmp_path / "other")
    (warning,) = renamed.warnings(champion)
    assert f"version 1 was made from {str(tiny_model)!r}" in warning
    with_setting(root, str(tmp_path / "other"), "owner/another-model")
    (warning,) = opened.following(load_settings(root)).warnings(champion)
    assert "model.base is 'owner/another-model'" in warning


def test_the_weights_of_the_base_are_read_again_only_when_its_files_changed(own_base, tiny_model):
    base = Base(load_settings(own_base))
    tags = base.tags(tiny_model)
    remembered = own_base / ".anchorhold" / "cache" / "base.json"
    known = read_sealed(remembered)
    write_sealed(remembered, {**known, "files": "remembered"})
    assert base.tags(tiny_model)["anchorhold.base_files"] == "remembered"
    remembered.write_text(remembered.read_text().replace("remembered", "forged"))
    assert base.tags(tiny_model) == tags
    remembered.write_text("damaged")
    assert base.tags(tiny_model) == tags


def test_another_maximum_length_is_told_and_blocks_training(opened):
    root = opened.settings.root
    with_setting(root, "max_length = 32", "max_length = 8")
    with Workspace.open(root, now=NOW) as work:
        decision = work.check(traffic=root / "traffic" / "travel.jsonl")
        (warning,) = work.status().warnings
    assert decision.warnings == (warning,)
    assert "model.max_length is 8, but version 2 was made with 32" in warning
    assert not decision.train
    assert "space_mismatch" in decision.blocked_by


def test_scores_under_another_maximum_length_are_not_mistaken_for_those_at_acceptance(opened):
    root, number = opened.settings.root, opened.versions.champion()
    folder = opened.versions.folder(number)
    sets = opened.anchor_sets.of(folder)
    whole = opened.scores.of(folder, sets)
    with_setting(root, "max_length = 32", "max_length = 8")
    cut = opened.following(load_settings(root)).scores.of(folder, sets)
    assert cut.fingerprint != whole.fingerprint
    assert cut.means() != whole.means()


def test_a_hub_that_does_not_answer_is_named_without_trying_for_minutes(
    workspace, tmp_path, monkeypatch
):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("pipeline.workspace.base_model._HUB", "http://127.0.0.1:1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(DataFault, match=r"'owner/model' is not a folder, and the hub .* not ans"):
        Base(load_settings(workspace), "owner/model").fetch(tmp_path / "model")
    with pytest.raises(DataFault, match=r"the extra `demo` has this model in a folder: base = "):
        Base(load_settings(workspace), "owner/all-MiniLM-L6-v2").fetch(tmp_path / "model")
