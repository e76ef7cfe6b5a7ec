"""Triggers of the user's own: from the folder or the environment, without a trace elsewhere."""

import sys

import pytest

from pipeline.workspace.settings_fault import SettingsFault
from pipeline.workspace.settings_file import load_settings

MINIMAL = '[model]\nname = "search"\nbase = "models/base"\n\n[data]\n'
RAIN = """\
from __future__ import annotations

from dataclasses import dataclass
from drift_triggers.signal import Signal
{imports}

@dataclass(frozen=True)
class Rain:
    millimetres: float = 3.0
    name = "rain"

    def check(self, observation):
        {body}
        return Signal(trigger=self.name, fired=self.millimetres > limit, reason="it rains")
"""
SET = "[triggers.rain]\nclass = 'rain:Rain'\n"


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Check after each test that no public name and no path was added for the workspace."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    assert sys.path == path
    added = {name.partition(".")[0] for name in set(sys.modules) - modules}
    assert not added & {"rain", "clouds", "weather", "json5", "traffic"}


def rain(folder, files, added=SET):
    """Return the trigger of a workspace with these modules."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "anchorhold.toml").write_text(MINIMAL + added, encoding="utf-8")
    found = load_settings(folder)
    return found.triggers[-1]


def source(imports="", body="limit = 5"):
    return RAIN.format(imports=imports, body=body)


def test_a_trigger_beside_the_settings_is_checked_with_its_keys(tmp_path):
    trigger = rain(tmp_path, {"rain": source()}, SET + "millimetres = 7.0\n")
    assert trigger.name == "rain"
    assert trigger.check(None).fired
    assert not rain(tmp_path, {"rain": source()}).check(None).fired


def test_two_workspaces_may_have_other_modules_of_one_name(tmp_path):
    beside = source("from clouds import limit", "pass")
    wet = rain(tmp_path / "wet", {"rain": beside, "clouds": "limit = 1"})
    dry = rain(tmp_path / "dry", {"rain": beside + "\n# dry\n", "clouds": "limit = 9"})
    assert wet.check(None).fired
    assert not dry.check(None).fired
    assert type(wet) is not type(dry)


def test_the_same_workspace_read_twice_has_equal_triggers(tmp_path):
    rain(tmp_path, {"rain": source()})
    assert load_settings(tmp_path).tables == load_settings(tmp_path).tables


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from clouds import limit", "pass"),
        ("import clouds", "limit = clouds.limit"),
        ("", "from clouds import limit"),
        ("from .clouds import limit", "pass"),
        ("from . import clouds", "limit = clouds.limit"),
        ("import weather.sky", "limit = weather.sky.limit"),
        ("import weather.sky as sky", "limit = sky.limit"),
        ("from weather import sky", "limit = sky.limit"),
        ("from weather.sky import limit", "pass"),
    ],
)
def test_modules_of_the_folder_import_one_another(tmp_path, imports, body):
    files = {
        "rain": source(imports, body),
        "clouds": "from weather.sky import limit",
        "weather/__init__": "",
        "weather/sky": "import json, high\nlimit = high.limit",
        "high": "limit = 2",
    }
    assert rain(tmp_path, files).check(None).fired


def test_a_trigger_may_lie_in_a_folder_of_modules(tmp_path):
    trigger = rain(
        tmp_path, {"weather/rain": source()}, "[triggers.rain]\nclass = 'weather.rain:Rain'\n"
    )
    assert not trigger.check(None).fired


def test_folders_of_data_are_no_modules(tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "a.jsonl").touch()
    trigger = rain(tmp_path, {"rain": source("from email.message import Message", "limit = 5")})
    assert not trigger.check(None).fired


def test_a_trigger_of_the_environment_is_found_and_may_stand_in_for_a_built_in_one(tmp_path):
    added = "[triggers.model_age]\nclass = 'drift_triggers.fresh_data:FreshData'\n"
    (tmp_path / "anchorhold.toml").write_text(MINIMAL + added)
    names = [trigger.name for trigger in load_settings(tmp_path).triggers]
    assert names.count("fresh_data") == 2
    assert "model_age" not in names


@pytest.mark.parametrize(
    ("added", "key", "message"),
    [
        ("class = 'nowhere'", "triggers.rain", 'class is "nowhere"; allowed: "module:Class"'),
        ("class = 3", "triggers.rain", 'class is 3; allowed: "module:Class"'),
        ("class = 'no_such_module:X'", "triggers.rain", "cannot be imported"),
        ("class = 'missing:X'", "triggers.rain", "No module named 'no_such_module'"),
        ("class = 'broken:X'", "triggers.rain", "cannot be imported"),
        ("class = 'rain:Rian'", "triggers.rain", "has no Rian (did you mean Rain?)"),
        ("class = 'rain:Signal'", "triggers.rain", "no method check"),
        ("class = 'rain:Rain'\nmilimetres = 1", "triggers.rain.milimetres", "did you mean milli"),
        ("class = 'strict:Rain'\nmm = 'x'", "triggers.rain.mm", 'is "x"; allowed: number above 0'),
        ("class = 'strict:Rain'\nmmm = 1", "triggers.rain.mmm", "(did you mean mm?)"),
        ("class = 'needy:Rain'", "triggers.rain", "missing 1 required"),
    ],
)
def test_a_trigger_that_cannot_be_made_is_named(tmp_path, added, key, message):
    files = {
        "rain": source(),
        "missing": "import no_such_module",
        "broken": "def",
        "strict": (
            "from pydantic import Field\n"
            "from pydantic.dataclasses import dataclass\n"
            "@dataclass(config={'extra': 'forbid'})\n"
            "class Rain:\n"
            "    mm: float = Field(default=1.0, gt=0)\n"
            "    def check(self, observation): ...\n"
        ),
        "needy": "class Rain:\n    def __init__(self, mm): ...\n    def check(self, seen): ...\n",
    }
    with pytest.raises(SettingsFault) as fault:
        rain(tmp_path, files, f"[triggers.rain]\n{added}\n")
    assert fault.value.keys == (key,)
    assert message in str(fault.value)


def test_a_module_that_failed_is_read_again_once_it_is_mended(tmp_path):
    with pytest.raises(SettingsFault):
        rain(tmp_path, {"rain": "import no_such_module"})
    assert rain(tmp_path, {"rain": source()}).name == "rain"
