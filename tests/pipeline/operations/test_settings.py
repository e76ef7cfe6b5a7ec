"""All settings: each with value, default and meaning; as TOML they load to equal settings."""

import json
import re

import pytest

from pipeline.operations.settings import list_settings
from pipeline.workspace import SettingsFault, load_settings

FILE = """\
[model]
name = "search"
base = "models/base"

[data]
pairs = ["pairs/*.jsonl"]

[anchors."support.2023"]
path = "anchors/support"
slices = ["language"]

[gate]
max_drop = 0.02
approval = true

[merge]
shares = [0.4, 0.8]

[triggers.model_age]
enabled = false
maximum_days = 90

[triggers.rain]
class = "rain:Rain"
millimetres = 7
"odd key" = [{ since = 2024-01-31 }]
towns.Bern = { share = 0.5 }
"""
RAIN = """\
class Rain:
    name = "rain"

    def __init__(self, **keys):
        self.keys = keys

    def __eq__(self, other):
        return self.keys == other.keys

    def check(self, observation): ...
"""


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "space"
    folder.mkdir()
    (folder / "anchorhold.toml").write_text(FILE, encoding="utf-8")
    (folder / "rain.py").write_text(RAIN, encoding="utf-8")
    return folder


def test_the_text_loads_to_equal_settings(workspace):
    before = load_settings(workspace)
    text = list_settings(workspace).to_toml()
    (workspace / "anchorhold.toml").write_text(text, encoding="utf-8")
    assert load_settings(workspace).tables == before.tables
    assert list_settings(str(workspace)).to_toml() == text


def test_a_key_says_whether_the_file_sets_it(workspace):
    found = {each.key: each for each in list_settings(workspace).settings}
    assert found["gate.max_drop"].set, "given, though it is the default"
    assert not found["gate.confidence"].set
    assert found["gate.confidence"].value == found["gate.confidence"].default == 0.95
    assert (found["gate.approval"].value, found["gate.approval"].default) == (True, False)
    assert found['anchors."support.2023".path'].value == "anchors/support"
    assert found['anchors."support.2023".path'].required
    assert found["triggers.model_age.enabled"].value is False
    assert found["triggers.rain.class"].value == "rain:Rain"
    assert found["triggers.rain.millimetres"].value == 7


def test_the_text_has_each_key_in_force_or_as_a_comment(workspace):
    lines = list_settings(workspace).to_toml().splitlines()
    assert "max_drop = 0.02" in lines
    assert "# confidence = 0.95" in lines
    assert "# half_life_days = 365.0" in lines, "an example"
    assert all(len(line) <= 110 for line in lines[1:])


def test_a_folder_without_settings_has_the_defaults(tmp_path):
    found = list_settings(tmp_path)
    assert found == list_settings()
    assert found.workspace is None
    assert not any(each.set for each in found.settings)
    required = {each.key for each in found.settings if each.required}
    assert required == {"model.name", "model.base"}
    (tmp_path / "anchorhold.toml").write_text(found.to_toml(), encoding="utf-8")
    loaded = load_settings(tmp_path).tables
    assert loaded.anchors == {}
    assert loaded.gate.max_drop == 0.02


def test_every_commented_line_can_be_made_a_setting_alone_and_with_all_others(tmp_path):
    lines = list_settings().to_toml().splitlines()
    keys = [number for number, line in enumerate(lines) if re.match(r"# [\w.-]+ = ", line)]
    assert len(keys) > 150
    for chosen in ([], *([number] for number in keys if not anchors(lines[number])), keys):
        file = [line[2:] if number in chosen else line for number, line in enumerate(lines)]
        (tmp_path / "anchorhold.toml").write_text("\n".join(file), encoding="utf-8")
        load_settings(tmp_path)


def anchors(line):
    """Return whether a line is about an anchor set, whose path must be set."""
    return line.startswith("# support-2023.")


def test_the_json_has_the_keys_that_programs_read(workspace):
    found = json.loads(list_settings(workspace).model_dump_json())
    assert set(found) == {"workspace", "tables", "settings"}
    assert {"key", "value", "default", "set", "meaning", "allowed"} <= set(found["settings"][0])


def test_settings_that_cannot_be_used_are_refused(workspace):
    (workspace / "anchorhold.toml").write_text("[model]\n", encoding="utf-8")
    with pytest.raises(SettingsFault, match=r"model\.name is missing"):
        list_settings(workspace)


def test_a_folder_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(SettingsFault, match="serach is not a folder"):
        list_settings(tmp_path / "serach")
