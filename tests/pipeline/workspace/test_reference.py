"""The reference of settings: every key is explained, with what it allows and its default."""

import pytest

from pipeline.workspace.reference import reference
from pipeline.workspace.settings_file import load_settings

TABLES = {table.name: {key.name: key for key in table.keys} for table in reference()}


def test_every_table_and_key_says_what_it_is():
    for table in reference():
        assert table.about, table.name
        for key in table.keys:
            assert key.meaning, f"{table.name}.{key.name}"
            assert key.allowed != "what its class takes", f"{table.name}.{key.name}"


@pytest.mark.parametrize(
    ("table", "key", "allowed", "default"),
    [
        ("gate", "max_drop", "number in [0, 1)", 0.02),
        ("gate", "max_size_ratio", "number above 0", None),
        ("mix", "minimum_pairs", "whole number, at least 2", 64),
        ("finetune", "precision", '"auto", "fp32" or "bf16"', "auto"),
        ("merge", "shares", "list of numbers", []),
        ("data", "pairs", "list of texts", []),
        ("triggers.model_age", "enabled", "true or false", True),
        ("anchors.<name>", "slices", "list of texts", []),
    ],
)
def test_a_key_says_what_it_allows_and_its_default(table, key, allowed, default):
    assert TABLES[table][key].allowed == allowed
    assert TABLES[table][key].default == default
    assert not TABLES[table][key].required


def test_a_list_of_given_words_names_them_as_they_are_written():
    allowed = TABLES["alerts"]["silent"].allowed
    assert allowed.startswith('list of "insufficient_data", ')
    assert allowed.endswith(' or "failed_run"')


def test_a_required_key_has_an_example():
    required = [key for keys in TABLES.values() for key in keys.values() if key.required]
    assert [key.name for key in required] == ["name", "base", "path"]
    assert all(key.example and key.default is None for key in required)


def test_anchor_sets_and_own_triggers_of_a_workspace_are_part_of_it(tmp_path):
    (tmp_path / "rain.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass, field\n"
        "@dataclass\n"
        "class Rain:\n"
        "    '''Fire when it rains.'''\n"
        "    millimetres: float = 3.0\n"
        "    '''Rain per day.'''\n"
        "    towns: list = field(default_factory=list)\n"
        "    sky: Unknown = None\n"
        "    def check(self, observation): ...\n"
    )
    (tmp_path / "anchorhold.toml").write_text(
        "[model]\nname = 's'\nbase = 'b'\n[data]\n[anchors.old]\npath = 'x'\n"
        "[triggers.rain]\nclass = 'rain:Rain'\n"
    )
    found = {table.name: table for table in reference(load_settings(tmp_path).tables)}
    assert "anchors.old" in found
    assert "anchors.<name>" not in found
    assert found["triggers.rain"].about == "Fire when it rains."
    keys = {key.name: key for key in found["triggers.rain"].keys}
    assert (keys["millimetres"].default, keys["millimetres"].meaning) == (3.0, "Rain per day.")
    assert keys["towns"].default == []
    assert keys["sky"].allowed == "what its class takes"
