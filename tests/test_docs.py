"""The documentation: every command is explained, is an entry point, and links lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from pipeline.commands.cli import app

ROOT = Path(__file__).parent.parent
COMMANDS = get_command(app).commands
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_and_option_has_help(name):
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_stands_in_the_readme(name):
    assert f"`anchorhold {name}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_commands_and_entry_points_are_the_same():
    entry_points = yaml.safe_load((ROOT / "MLproject").read_text())["entry_points"]
    assert set(entry_points) - {"main"} == set(COMMANDS)
    for name, entry in entry_points.items():
        command = "run" if name == "main" else name
        assert f" anchorhold {command} " in entry["command"]
        given = set(re.findall(r"{(\w+)}", entry["command"]))
        assert given == set(entry.get("parameters", {}))
        accepted = {parameter.name for parameter in COMMANDS[command].params}
        assert given - {"baseline", "version"} <= accepted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_trigger_of_the_how_to_works(tmp_path):
    text = (ROOT / "docs" / "how-to.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n# rain\.py\n(.*?)```", text, re.DOTALL)[1]
    namespace = {}
    exec(compile(code, "rain.py", "exec", dont_inherit=True), namespace)
    from drift_triggers.signal import Observation, Sample

    embeddings = __import__("numpy").eye(2, dtype="float32")
    sample = Sample(("my umbrella is gone", "hello"), embeddings)
    signal = namespace["Rain"]().check(Observation(recent=sample, reference=sample))
    assert signal.fired
    assert "50%" in signal.reason
