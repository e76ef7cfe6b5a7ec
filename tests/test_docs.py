"""The documentation: commands are explained, links lead somewhere, the code on the pages runs."""

import contextlib
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import typer
import yaml
from conftest import let_travel_arrive, make_workspace
from shown_commands import PAGES as PAGES_WITH_COMMANDS
from shown_commands import blocks_with_commands, commands_in, commands_in_sentences, parsed
from typer.main import get_command
from typer.testing import CliRunner

from pipeline.commands.cli import app

ROOT = Path(__file__).parent.parent
COMMANDS = {
    f"{name} {inner}" if inner else name: command
    for name, group in get_command(app).commands.items()
    for inner, command in getattr(group, "commands", {"": group}).items()
}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_each_command_and_option_has_help():
    for name, command in COMMANDS.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_help_prints_the_names_of_settings_in_brackets():
    named = set()
    for name, command in COMMANDS.items():
        printed = CliRunner().invoke(app, [*name.split(), "--help"]).output
        texts = [command.help, *(parameter.help for parameter in command.params)]
        brackets = set(re.findall(r"\[[a-z]+\]", " ".join(texts)))
        assert not [each for each in brackets if each not in printed], name
        named |= brackets
    assert named == {"[keep]", "[generate]", "[promotion]", "[alerts]"}


def test_each_command_is_in_the_readme():
    named = set(
        re.findall(r"^\| `anchorhold (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    assert named == {name.partition(" ")[0] for name in COMMANDS}


def test_commands_and_entry_points_are_the_same():
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    assert set(entry_points) - {"main"} == {name.replace(" ", "-") for name in COMMANDS}
    for name, entry in entry_points.items():
        command = "run" if name == "main" else name.replace("-", " ")
        assert f" anchorhold {command} " in entry["command"]
        given = set(re.findall(r"{(\w+)}", entry["command"]))
        assert given == set(entry.get("parameters", {}))
        accepted = {parameter.name for parameter in COMMANDS[command].params}
        assert given - {"baseline", "version"} <= accepted


def test_each_command_that_a_page_shows_is_one_that_the_parser_takes():
    shown = [
        (page, call)
        for page in PAGES_WITH_COMMANDS
        for block in blocks_with_commands(page)
        for call in commands_in(block)
    ]
    assert len(shown) > 60
    for page, call in shown:
        assert parsed(call), page


def test_sentences_name_only_commands_and_options_that_there_are():
    named = [call for page in PAGES_WITH_COMMANDS for call in commands_in_sentences(page)]
    assert len(named) > 100
    for call in named:
        with contextlib.suppress(typer.BadParameter):  # an argument is left out
            parsed(call)


def test_the_hooks_run_what_make_check_runs():
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = [" ".join([hook["entry"], *hook.get("args", [])]) for hook in repo["hooks"]]
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck: install\n")[2].partition("\n\n")[0]
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    assert hooks == checks


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            path, _, heading = target.partition("#")
            place = (page.parent / path) if path else page
            assert place.exists(), f"{page.name}: {target}"
            if heading:
                assert heading in anchors_of(place), f"{page.name}: {target}"


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_each_page_can_be_reached_from_the_readme():
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        found.add(page)
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            place = (page.parent / target).resolve()
            near = [place] if place.is_file() else sorted(place.glob("*.md"))
            waiting += [each for each in near if each.suffix == ".md" and each not in found]
    assert set(PAGES) - found == set()


def test_the_drawings_are_those_that_the_script_draws():
    pictures = ROOT / "docs" / "pictures"
    for name, draw in runpy.run_path(str(ROOT / "docs" / "pictures.py"))["DRAWINGS"].items():
        assert (pictures / name).read_text("utf-8") == draw(), "run python docs/pictures.py"


def test_pictures_of_pages_say_in_words_what_they_show_and_load_nothing():
    shown = [
        (page, words, page.parent / place)
        for page in PAGES
        for words, place in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text("utf-8"))
    ]
    assert len(shown) >= 8
    for page, words, place in shown:
        assert len(words.split()) > 5, f"{page.name}: {place.name}"
        if place.suffix == ".svg":
            drawing = ElementTree.parse(place).getroot()
            assert not [each.tag for each in drawing.iter() if each.tag.endswith("}script")]
            assert not re.search(r"(?:href|src)=\"[^#]|url\((?!#)", place.read_text("utf-8"))


def test_the_trigger_of_the_how_to_works():
    from drift_triggers import Observation, Sample

    namespace = {}
    code = blocks("docs/how-to/add-a-trigger.md", "python")[0]
    exec(compile(code, "rain.py", "exec", dont_inherit=True), namespace)
    sample = Sample(("my umbrella is gone", "hello"), np.eye(2, dtype="float32"))
    signal = namespace["Rain"]().check(Observation(recent=sample, reference=sample))
    assert signal.fired
    assert signal.effect == 0.5


@pytest.fixture(scope="module")
def begun(tmp_path_factory, tiny_model, empty_tracking_store):
    """Return a workspace after its first run, to copy, where travel has just arrived."""
    from pipeline import Workspace

    place = tmp_path_factory.mktemp("begun") / "space"
    workspace = make_workspace(place, tiny_model, empty_tracking_store)
    with Workspace.open(workspace) as opened:
        assert opened.run().outcome == "bootstrapped"
    let_travel_arrive(workspace)
    return workspace


@pytest.fixture
def reader(begun, tiny_model, tmp_path, monkeypatch):
    """Return a folder with the workspaces that the pages name."""
    place = tmp_path / "reader"
    for name in ("support-search", "docs-search"):
        shutil.copytree(begun, place / name)
    shutil.copytree(begun / "anchors" / "bank", place / "support-search/anchors/support-2023")
    shutil.copytree(tiny_model, place / "base-model")
    monkeypatch.chdir(place)
    return place


def test_the_python_page_names_each_method_of_a_workspace():
    from pipeline import Workspace

    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(?:Workspace\.)?(\w+)[`(]", page, re.MULTILINE))
    public = {name for name in dir(Workspace) if not name.startswith("_")}
    assert named == public - {"open", "close"}


def test_the_code_of_the_python_page_runs_in_order(reader, capsys):
    namespace = {}
    for code in blocks("docs/python.md", "python"):
        exec(compile(code, "python.md", "exec", dont_inherit=True), namespace)
    assert namespace["result"].outcome == "promoted"
    assert set(namespace["frame"]["task"]) >= {"anchor/bank", "anchor/learned-0002"}
    assert namespace["signal"].fired
    assert (reader / "candidate" / "model.safetensors").exists()
    assert "no-such-folder" in capsys.readouterr().out


def test_the_code_of_the_readme_runs(turned_once, tmp_path, monkeypatch):
    shutil.copytree(turned_once, tmp_path / "support-search")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(compile(blocks("README.md", "python")[0], "README.md", "exec"), namespace)
    assert namespace["result"].outcome == "quiet"
    assert namespace["vectors"].shape == (1, 16)


def test_the_code_of_the_page_for_agents_runs(reader):
    namespace = {}
    (code,) = blocks("SKILL.md", "python")
    exec(compile(code, "SKILL.md", "exec", dont_inherit=True), namespace)
    assert namespace["decision"].train
    assert namespace["result"].outcome == "promoted"


def test_the_page_for_agents_names_keys_and_settings_that_there_are():
    page = (ROOT / "SKILL.md").read_text("utf-8")
    schema = (ROOT / "docs" / "json.schema.json").read_text("utf-8")
    settings = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for dotted in re.findall(r"`(verdict|decision)\.(\w+)`", page):
        assert all(f'"{each}"' in schema for each in dotted)
    keys = """found outlook waiting quarantined unfinished train reasons signals shortage outcome
        holds low needs difference"""
    for name in keys.split():
        assert f"`{name}`" in page
        assert f'"{name}"' in schema
    for key in re.findall(r"`gate\.(\w+)", page):
        assert f"| `{key}` |" in settings


@pytest.mark.slow
def test_the_notebook_and_the_ten_lines_run(reader):
    for script in ("notebook.py", "ten_lines.py"):
        told = subprocess.run(
            [sys.executable, ROOT / "examples" / script, "docs-search"],
            cwd=reader, env={"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}, check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert ("promoted" if script == "notebook.py" else "version 2 serves") in told


@pytest.mark.slow
def test_each_benchmark_can_be_started_from_its_file():
    names = sorted(file.stem for file in (ROOT / "benchmarks").glob("*.py"))
    started = f"import sys; sys.path[0] = 'benchmarks'; import {', '.join(names)}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", started], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "outcomes"),
    [
        ("tutorial.md", [("0001", "bootstrapped"), ("0002", "quiet"), ("0003", "promoted")]),
        ("own-data.md", [("0001", "bootstrapped"), ("0002", "promoted")]),
    ],
)
def test_the_commands_of_a_tutorial_end_as_it_says(page, outcomes, tmp_path):
    run_page = runpy.run_path(str(ROOT / "docs" / "run_tutorial.py"))["run_page"]
    told = run_page((ROOT / "docs" / page).read_text(encoding="utf-8"), tmp_path)
    assert re.findall(r"^cycle (\d+): (\w+)", told, re.MULTILINE) == outcomes
    if page == "tutorial.md":
        assert "(2, 384)" in told
    else:
        assert told.count("training is called for") == 2
        assert "no training is called for" in told
