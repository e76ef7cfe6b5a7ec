"""Any settings file is read, or refused by its name with what is wrong; nothing else is raised."""

import json
import tempfile
from pathlib import Path

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.workspace import ANY_NAME, SETTINGS_FILE, reference
from pipeline.workspace.settings_fault import SettingsFault
from pipeline.workspace.settings_file import load_settings

VALID = {
    "model": {"name": "search", "base": "models/base"},
    "data": {"pairs": ["pairs/*.jsonl"]},
    "anchors": {"support": {"path": "anchors/support", "max_drop": 0.05}},
}
KEYS = [
    (["support" if part == ANY_NAME else part for part in table.place], key.name)
    for table in reference()
    for key in table.keys
]
TEXTS = st.text(max_size=12).filter(lambda text: text.isprintable())
VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        TEXTS,
        st.dates(),
        st.datetimes(),
        st.times(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def outcome(content: bytes) -> str:
    """Read a settings file of this content; return "" or why it was refused."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SETTINGS_FILE).write_bytes(content)
        try:
            load_settings(folder)
        except SettingsFault as fault:
            assert all(
                line.startswith(f"{Path(folder, SETTINGS_FILE)}: ")
                for line in str(fault).splitlines()
            )
            return str(fault)
    return ""


def try_value(place, value):
    path, name = place
    changed = json.loads(json.dumps(VALID))
    table = changed
    for part in path:
        table = table.setdefault(part, {})
    table[name] = value
    told = outcome(tomlkit.dumps(changed).encode())
    assert not told or name in told


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(KEYS), VALUES)
@example((["gate"], "max_drop"), float("nan"))
@example((["gate"], "confidence"), True)
def test_any_value_of_any_key_is_taken_or_refused_with_the_key_named(place, value):
    try_value(place, value)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(st.sampled_from(KEYS), VALUES)
def test_two_thousand_values_are_taken_or_refused_with_the_key_named(place, value):
    try_value(place, value)


def damaged(data):
    content = bytearray(tomlkit.dumps(VALID).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcome(bytes(content))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(data):
    damaged(data)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.data())
def test_five_hundred_damaged_files_are_read_or_refused(data):
    damaged(data)
