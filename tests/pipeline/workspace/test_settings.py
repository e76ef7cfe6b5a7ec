"""Settings: places in the workspace, and the strategies that a training tries."""

from dataclasses import replace

import pytest
from sqlalchemy import make_url

from pipeline.workspace.settings_fault import SettingsFault
from pipeline.workspace.settings_file import load_settings


@pytest.fixture
def found(tmp_path):
    (tmp_path / "anchorhold.toml").write_text('[model]\nname = "s"\nbase = "b"\n[data]\n')
    return load_settings(tmp_path)


def test_databases_lie_in_the_workspace_unless_they_are_elsewhere(found, tmp_path):
    assert found.store_url == f"sqlite:///{tmp_path}/.anchorhold/store.db"
    assert found.tracking_uri == f"sqlite:///{tmp_path}/.anchorhold/mlflow.db"


def test_a_database_is_found_whatever_the_folder_is_called(found, tmp_path):
    odd = tmp_path / "50% of q?x#y"
    for url in (replace(found, root=odd).store_url, replace(found, root=odd).tracking_uri):
        assert make_url(url).database == str(odd / ".anchorhold" / url.rpartition("/")[2])
        assert make_url(url).query == {}


def test_a_strategy_changes_how_the_old_is_held_and_the_digest(found):
    assert found.following("configured") == found
    assert found.following("naive").tables.mix.share == 0.0
    assert found.following("naive").triggers == found.triggers
    assert found.trying(["configured"]) == found
    assert found.trying(["naive"]).digest != found.digest


def test_a_strategy_that_there_is_not_is_refused(found):
    with pytest.raises(SettingsFault, match=r"'niave' \(did you mean naive\?\)"):
        found.trying(["niave"])


def test_each_strategy_is_tried_with_each_seed_which_changes_its_mix_and_its_training(found):
    tried = found.trying(["naive", "replay"], [0, 3])
    assert tried.strategies == (
        "naive-seed-0", "naive-seed-3", "replay-seed-0", "replay-seed-3",
    )  # fmt: skip
    third = found.following("replay-seed-3").tables
    assert (third.mix.seed, third.finetune.seed) == (3, 3)
    plain = found.following("replay").tables
    assert replace(third.finetune, seed=0) == plain.finetune
    assert replace(third.mix, seed=plain.mix.seed) == plain.mix
    assert found.trying([], [7]).strategies == ("configured-seed-7",)
    assert found.trying([]) == found
    with pytest.raises(SettingsFault, match="a seed is -1"):
        found.trying([], [-1])
    with pytest.raises(SettingsFault, match="a seed is 4294967296; allowed: 0 to 4294967295"):
        found.trying([], [2**32])


def test_all_strategies_are_those_that_differ(found):
    names = found.trying(["all"]).strategies
    workers = [found.following(name).tables for name in names]
    assert names[0] == "configured"
    assert "distilled" not in names, "it is what is configured"
    assert {"naive", "replay", "interpolated"} <= set(names)
    assert all(one != other for one in workers for other in workers if one is not other)
