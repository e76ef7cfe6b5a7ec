"""A new workspace: folders and a short settings file whose commented defaults are valid."""

import re

import pytest

from pipeline.workspace.new_workspace import FOLDERS, make_workspace, settings_text
from pipeline.workspace.settings_file import load_settings
from training.faults import DataFault

TEXT = settings_text("search")
COMMENTED = [
    number for number, line in enumerate(TEXT.splitlines()) if re.match(r"# [\w.-]+ = ", line)
]


def uncommented(*numbers):
    lines = TEXT.splitlines()
    for number in numbers:
        lines[number] = lines[number].removeprefix("# ")
    return "\n".join(lines)


def tables(folder, text):
    (folder / "anchorhold.toml").write_text(text, encoding="utf-8")
    return load_settings(folder).tables


def test_a_workspace_has_its_folders_and_settings_that_can_be_used(tmp_path):
    made = make_workspace(tmp_path / "new")
    assert made.model_dump(mode="json") == {
        "workspace": str(tmp_path / "new"),
        "settings": str(tmp_path / "new" / "anchorhold.toml"),
        "folders": list(FOLDERS),
    }
    assert all((tmp_path / "new" / folder).is_dir() for folder in FOLDERS)
    found = load_settings(made.workspace).tables
    assert found.model.name == "new"
    assert found.data.pairs == ["pairs/*.jsonl"]


def test_a_workspace_is_named_as_text_or_as_a_path(tmp_path):
    assert make_workspace(str(tmp_path / "a")).folders == make_workspace(tmp_path / "b").folders


def test_a_workspace_is_never_overwritten(tmp_path):
    make_workspace(tmp_path)
    with pytest.raises(DataFault, match=r"exists already"):
        make_workspace(tmp_path)


def test_a_workspace_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataFault, match=r"cannot make a workspace"):
        make_workspace(tmp_path / "file" / "below")


def test_the_settings_are_short_and_point_to_all_others():
    keys = re.findall(r"^(?:# )?([\w-]+) = ", TEXT, re.MULTILINE)
    assert len(keys) == 11
    assert len(TEXT.splitlines()) <= 45
    assert all(len(line) <= 100 for line in TEXT.splitlines())
    assert "`anchorhold settings`" in TEXT


def test_each_key_has_a_comment_above_it():
    lines = TEXT.splitlines()
    for number, line in enumerate(lines):
        if " = " in line:
            assert re.match(r"# (?![\w.-]+ = )", lines[number - 1]), line


@pytest.mark.parametrize("number", COMMENTED, ids=lambda number: TEXT.splitlines()[number])
def test_a_commented_default_is_valid_and_changes_nothing(tmp_path, number):
    on, off = tables(tmp_path, uncommented(number)), tables(tmp_path, TEXT)
    if on.anchors:  # an example, as there is no default
        assert list(on.anchors) == ["support-2023"]
    else:
        assert on == off


def test_all_commented_defaults_are_valid_together(tmp_path):
    assert len(COMMENTED) == 5
    on = tables(tmp_path, uncommented(*COMMENTED))
    assert on.anchors["support-2023"].path == "anchors/support-2023"
    assert on.gate == tables(tmp_path, TEXT).gate


@pytest.mark.parametrize(
    ("folder", "name"),
    [("my search 2", "my-search-2"), ("Büro", "B-ro"), ("_.x", "x"), ("日本", "model")],
)
def test_the_name_of_the_folder_becomes_a_name_that_the_registry_takes(tmp_path, folder, name):
    assert tables(tmp_path, settings_text(folder)).model.name == name
