"""The commands of the how-to pages, of README and of SKILL, run as they stand in a workspace."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from conftest import NOW, name_corpus
from made_lives import live_on
from made_streams import sentences, texts_of, write_lines
from shown_commands import ROOT, blocks_with_commands, commands_in
from typer.testing import CliRunner

from pipeline.commands.cli import app
from pipeline.operations import Workspace
from pipeline.workspace import load_settings, open_workspace

pytestmark = pytest.mark.slow

COOKING = ("recipe", "salt", "cook", "menu", "the", "my")
ELSEWHERE = {
    "init": "tests/pipeline/workspace/test_new_workspace.py",
    "serve": "tests/pipeline/commands/test_serve.py",
    "rollback 3 --workspace": "tests/pipeline/cycle/test_retention.py",
    "evaluate --benchmark": "tests/pipeline/operations/test_evaluate.py",
    "watch": "tests/pipeline/operations/test_watch.py",
    "judge": "tests/pipeline/operations/test_judge.py",
    "ui": "tests/pipeline/operations/test_ui.py",
    "simulate": "tests/pipeline/operations/test_simulate.py",
    "generate": "tests/pipeline/operations/test_generate.py",
}
"""Which tests run commands that need a person, a server, the hub or a deleted version, or go on."""
BEFORE = {
    "discard --source forum --undo": ("discard --source forum --reason first",),
    "rollback 3 --reason": ("promote 3 --reason first", "promote 4 --force --reason second"),
    "restore": ("backup support-search.tar --workspace support-search",),
    "search": ("index build",),
    "search 'where is my card' --as-of": ("index build 1",),
    "index status": ("index build",),
    "index export": ("index build",),
    "index build 3 --vectors": ("index build 3", "index export vectors.parquet --version 3"),
}
"""What was done before, by the beginning of a command."""
STATUSES = {
    "check --workspace support-search --exit-code": {0, 3, 6},
    "check --workspace support-search --json --exit-code": {0, 3, 6},
    "run --workspace support-search --json --exit-code": {0, 4, 5, 6},
}
"""Exit statuses by the beginning of a command; others end with 0."""


def shown() -> list[str]:
    """Return the calls of all pages that are run here."""
    pages = [
        *sorted((ROOT / "docs" / "how-to").glob("*.md")),
        ROOT / "README.md",
        ROOT / "SKILL.md",
    ]
    blocks = [block for page in pages for block in blocks_with_commands(page)]
    calls = dict.fromkeys(shlex.join(call) for block in blocks for call in commands_in(block))
    return [each for each in calls if not each.startswith(tuple(ELSEWHERE))]


def call(command: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, shlex.split(command), catch_exceptions=False)
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def lived(turned_once, tiny_model, tmp_path_factory) -> Path:
    """Return a folder with a workspace of six versions and with the files that pages name."""
    place = tmp_path_factory.mktemp("reader")
    space = shutil.copytree(turned_once, place / "support-search")
    name_corpus(space)
    documents = enumerate(texts_of(sentences(COOKING, 60)))
    write_lines(space / "corpus" / "a.jsonl", [{"id": f"d{n}", **each} for n, each in documents])
    write_lines(space / "pairs" / "forum.jsonl", sentences(COOKING, 20, 6, source="forum"))
    write_lines(space / "traffic" / "cooking.jsonl", texts_of(sentences(COOKING, 150, 7)))
    with Workspace.open(space, now=NOW) as workspace:
        workspace.run()
    with open_workspace(load_settings(space), doing="test", now=NOW) as opened:
        live_on(opened, 4, verdict="promoted")
    for folder in ("intfloat/multilingual-e5-small", "training/checkpoint-final"):
        shutil.copytree(tiny_model, place / folder)
    asked = sentences(COOKING, 120, 5)
    write_lines(place / "yesterday.jsonl", texts_of(asked))
    write_lines(place / "windows" / "monday.jsonl", texts_of(asked))
    write_lines(place / "new-labels.jsonl", asked)
    served = [
        {"query": each["query"], "results": ["d1", "d2"], "clicked": ["d1"]} for each in asked
    ]
    write_lines(place / "yesterday-served.jsonl", served)
    return place


@pytest.mark.parametrize("command", shown())
def test_a_command_of_a_page_ends_as_it_should(command, lived, tmp_path, monkeypatch):
    place = shutil.copytree(lived, tmp_path / "reader", symlinks=True)
    monkeypatch.chdir(place)
    if command.startswith("candidate ../"):
        (place / "here").mkdir()
        (place / "support-search").rename(place / "here" / "support-search")
        monkeypatch.chdir(place / "here")
    at = " --workspace support-search"
    words = command.replace("/srv/support-search", "support-search")
    words = words.replace("--workspace /workspace", at).replace("$ANCHORHOLD_VERSION", "2")
    words = words if "--workspace" in words else words + at
    for begins, earlier in BEFORE.items():
        for each in earlier if command.startswith(begins) else ():
            status, told = call(each + at)
            assert status == 0, f"{each}: {told}"
    status, told = call(words)
    allowed = next((each for begins, each in STATUSES.items() if command.startswith(begins)), {0})
    assert status in allowed, told
    if " --json" in words:
        assert json.loads(told)


def test_the_other_commands_of_pages_are_run_by_the_tests_that_are_named():
    for file in ELSEWHERE.values():
        assert (ROOT / file).is_file()
