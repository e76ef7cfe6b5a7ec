"""A new workspace: folders and a short settings file whose commented defaults are valid."""

import json
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
    assert made.workspace == str(tmp_path / "new")
    assert made.settings == str(tmp_path / "new" / "anchorhold.toml")
    assert made.folders == FOLDERS
    assert all((tmp_path / "new" / folder).is_dir() for folder in FOLDERS)
    found = load_settings(made.workspace).tables
    assert found.model.name == "new"
    assert found.data.pairs == ["pairs/*.jsonl", "pairs/*.csv", "pairs/*.parquet"]


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
    assert len(keys) == 14
    assert len(TEXT.splitlines()) <= 52
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
    assert len(COMMENTED) == 6
    on = tables(tmp_path, uncommented(*COMMENTED))
    assert on.anchors["support-2023"].path == "anchors/support-2023"
    assert on.gate == tables(tmp_path, TEXT).gate


@pytest.mark.parametrize(
    ("folder", "name"),
    [("my search 2", "my-search-2"), ("Büro", "B-ro"), ("_.x", "x"), ("日本", "model")],
)
def test_the_name_of_the_folder_becomes_a_name_that_the_registry_takes(tmp_path, folder, name):
    assert tables(tmp_path, settings_text(folder)).model.name == name


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def data(tmp_path):
    """A folder with documents and a log, and no labels."""
    write(tmp_path / "data" / "served.jsonl", {"query": "lost card", "results": [{"id": "d1"}]})
    write(tmp_path / "data" / "docs" / "a.jsonl", {"id": "d1", "title": "Cards", "text": "Call us"})
    return tmp_path / "data"


def test_settings_name_the_data_where_it_is_and_load(tmp_path, data):
    before = {path: path.read_bytes() for path in data.rglob("*.jsonl")}
    made = make_workspace(tmp_path / "space", [data])
    found = load_settings(made.workspace).tables
    assert found.data.log == [str(data / "served.jsonl")]
    assert found.data.corpus == [str(data / "docs" / "a.jsonl")]
    assert found.data.pairs == ["pairs/*.jsonl", "pairs/*.csv", "pairs/*.parquet"]
    assert "log" not in made.folders
    assert not (tmp_path / "space" / "log").exists()
    assert {path: path.read_bytes() for path in data.rglob("*.jsonl")} == before


def test_data_inside_the_workspace_is_named_by_a_relative_path(data):
    found = load_settings(make_workspace(data, [data]).workspace).tables
    assert found.data.log == ["served.jsonl"]
    assert found.data.corpus == ["docs/a.jsonl"]


def test_without_labels_a_person_is_asked_for_the_proxies_unless_it_is_said(tmp_path, data):
    asked = make_workspace(tmp_path / "a", [data], ask=lambda: "allow")
    assert asked.proxies == "allow"
    assert load_settings(asked.workspace).tables.gate.proxies == "allow"
    said = make_workspace(tmp_path / "b", [data], proxies="refuse", ask=lambda: "allow")
    assert load_settings(said.workspace).tables.gate.proxies == said.proxies == "refuse"
    silent = make_workspace(tmp_path / "c", [data])
    assert silent.proxies == "refuse"
    assert "there are no labels" in silent.notes[-1]


def test_with_labels_nobody_is_asked(tmp_path, data):
    write(data / "labelled.jsonl", {"query": "lost card", "positive": "Call us"})
    made = make_workspace(tmp_path / "a", [data], ask=lambda: "allow")
    assert made.proxies == "refuse"
    assert made.notes == ()


def test_a_source_that_is_not_there_is_named_and_nothing_is_made(tmp_path):
    with pytest.raises(DataFault, match="nowhere does not exist"):
        make_workspace(tmp_path / "a", [tmp_path / "nowhere"])
    assert not (tmp_path / "a").exists()


def test_evaluation_sets_and_a_model_get_names_that_settings_take(tmp_path):
    for name in ("old tasks/beir 1", "other/beir 1"):
        folder = tmp_path / "data" / name
        write(folder / "corpus.jsonl", {"_id": "d1", "text": "x"})
        write(folder / "queries.jsonl", {"_id": "q1", "text": "x"})
        (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    (tmp_path / "data" / "model").mkdir()
    (tmp_path / "data" / "model" / "modules.json").write_text("[]")
    found = load_settings(make_workspace(tmp_path / "a", [tmp_path / "data"]).workspace).tables
    assert sorted(found.anchors) == ["beir-1", "beir-1-2"]
    assert found.model.base == str(tmp_path / "data" / "model")


def write_set(folder, queries):
    write(folder / "corpus.jsonl", {"_id": "d1", "text": "x"})
    write(folder / "queries.jsonl", *({"_id": f"q{n}", "text": f"x{n}"} for n in range(queries)))
    rows = "".join(f"q{n}\td1\t1\n" for n in range(queries))
    table = f"query-id\tcorpus-id\tscore\n{rows}q{queries}\td1\t0\n"
    (folder / "qrels.tsv").write_text(table)


def test_how_often_an_equal_candidate_would_pass_is_said_of_the_anchor_sets_found(tmp_path):
    write_set(tmp_path / "data" / "small", 90)
    write_set(tmp_path / "data" / "large", 900)
    found = make_workspace(tmp_path / "a", [tmp_path / "data"]).outlook
    sizes = {each.task: each.queries for each in found.tasks if each.rule == "no worse"}
    assert sizes == {"anchor/small": 90, "anchor/large": 900}
    assert found.limiting == "anchor/small"
    assert all(each.basis == "assumed" for each in found.tasks)
    assert found.warnings
    assert make_workspace(tmp_path / "b").outlook is None


def test_an_anchor_set_whose_judgements_cannot_be_read_is_named_and_the_workspace_is_made(tmp_path):
    write_set(tmp_path / "data" / "small", 90)
    (tmp_path / "data" / "small" / "qrels.tsv").write_text("q1\td1\t1\none\ttwo\n")
    made = make_workspace(tmp_path / "a", [tmp_path / "data"])
    assert made.outlook is None
    assert any("qrels.tsv:2" in note for note in made.notes)
    assert load_settings(made.workspace).tables.anchors
