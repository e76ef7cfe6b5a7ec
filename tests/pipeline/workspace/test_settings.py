"""Settings: a file that cannot be used is refused by file, key, value and what is allowed."""

import pytest

from pipeline.workspace.new_workspace import make_workspace, settings_text
from pipeline.workspace.settings import BUILT_IN_TRIGGERS, SettingsFault
from pipeline.workspace.settings_file import load_settings
from training.faults import DataFault

MINIMAL = '[model]\nname = "search"\nbase = "models/base"\n\n[data]\n'


def settings(folder, text):
    (folder / "anchorhold.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_the_least_settings_switch_every_trigger_on_and_take_each_default(tmp_path):
    found = settings(tmp_path, MINIMAL)
    assert {trigger.name for trigger in found.triggers} == set(BUILT_IN_TRIGGERS)
    assert found.tables.gate.max_drop == 0.02
    assert found.store_url == f"sqlite:///{tmp_path}/.anchorhold/store.db"
    assert found.tracking_uri == f"sqlite:///{tmp_path}/.anchorhold/mlflow.db"


def test_a_folder_without_settings_says_how_to_make_them(tmp_path):
    with pytest.raises(SettingsFault, match=r"no anchorhold\.toml.*anchorhold init"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("added", "message"),
    [
        (
            "[gate]\nmax_dorp = 0.1\n",
            r"unknown key gate\.max_dorp \(did you mean max_drop\?\); allowed",
        ),
        ("[gate]\nmax_drop = 'much'\n", r"gate\.max_drop .*number, got 'much'"),
        ("[gate]\nconfidence = 1.4\n", r"gate\.confidence .*less than.*, got 1\.4"),
        ("[gaet]\n", r"unknown key gaet \(did you mean gate\?\); allowed: model, data"),
        ("[triggers.embeding_shift]\n", r"unknown trigger .*did you mean embedding_shift\?"),
        (
            "[triggers.embedding_shift]\nenabled = 'no'\n",
            r"enabled must be true or false, got 'no'",
        ),
        ("[triggers.model_age]\nhours = 1\n", r"unknown key triggers\.model_age\.hours.*allowed: "),
        ("[anchors.'a/b']\npath = 'x'\n", r"anchors\.'a/b': a name of an anchor set"),
        ("[triggers.mine]\nclass = 'nowhere'\n", r'must be "module:Class", got \'nowhere\''),
        ("[triggers.mine]\nclass = 'no_such_module:X'\n", r"cannot be imported"),
        ("[model]\n", r"not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(tmp_path, added, message):
    with pytest.raises(SettingsFault, match=message) as fault:
        settings(tmp_path, MINIMAL + added)
    assert str(tmp_path / "anchorhold.toml") in str(fault.value)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(SettingsFault, match=r"model\.base is missing"):
        settings(tmp_path, '[model]\nname = "search"\n[data]\n')


def test_a_trigger_that_is_switched_off_does_not_look(tmp_path):
    found = settings(tmp_path, MINIMAL + "[triggers.model_age]\nenabled = false\n")
    assert "model_age" not in {trigger.name for trigger in found.triggers}


def test_a_trigger_of_the_users_own_is_found_beside_the_settings(tmp_path):
    (tmp_path / "rain_trigger.py").write_text(
        "from dataclasses import dataclass\n"
        "from drift_triggers.signal import Signal\n"
        "@dataclass(frozen=True)\n"
        "class Rain:\n"
        "    millimetres: float = 3.0\n"
        "    name = 'rain'\n"
        "    def check(self, observation):\n"
        "        return Signal(trigger=self.name, fired=self.millimetres > 5, reason='it rains')\n"
    )
    added = "[triggers.rain]\nclass = 'rain_trigger:Rain'\nmillimetres = 7.0\n"
    found = settings(tmp_path, MINIMAL + added)
    rain = next(trigger for trigger in found.triggers if trigger.name == "rain")
    assert rain.check(None).fired


def test_the_commented_settings_say_what_the_defaults_are(tmp_path):
    make_workspace(tmp_path / "new")
    text = (tmp_path / "new" / "anchorhold.toml").read_text(encoding="utf-8")
    # Every key that is commented out must be legal when it is switched on.
    lines = [
        line.removeprefix("# ")
        if line.startswith("# ") and " = " in line and not line.endswith("(not set)")
        else line
        for line in text.splitlines()
    ]
    explained = [
        line for line in lines if not line.startswith(("path = ", "max_drop = 0.02  ", "slices = "))
    ]
    on = settings(tmp_path / "new", "\n".join(explained).replace("[anchors.support-2023]", ""))
    off = settings(tmp_path / "new", text)
    assert on.tables == off.tables
    assert on.triggers == off.triggers


def test_a_workspace_is_never_overwritten(tmp_path):
    make_workspace(tmp_path)
    with pytest.raises(DataFault, match=r"exists already"):
        make_workspace(tmp_path)


def test_the_name_of_the_folder_becomes_a_name_that_the_registry_takes():
    assert 'name = "my-search-2"' in settings_text("my search 2")


def test_a_strategy_changes_how_the_old_is_held_and_the_digest(tmp_path):
    found = settings(tmp_path, MINIMAL)
    assert found.following("configured") == found
    assert found.following("naive").tables.mix.share == 0.0
    assert found.trying(["configured"]) == found
    assert found.trying(["naive"]).digest != found.digest
    with pytest.raises(SettingsFault, match=r"no strategy 'niave' \(did you mean naive\?\)"):
        found.trying(["niave"])


def test_all_strategies_are_those_that_differ(tmp_path):
    found = settings(tmp_path, MINIMAL)
    names = found.trying(["all"]).strategies
    workers = [found.following(name).tables for name in names]
    assert names[0] == "configured"
    assert "distilled" not in names, "it is what is configured"
    assert {"naive", "replay", "interpolated"} <= set(names)
    assert all(one != other for one in workers for other in workers if one is not other)
