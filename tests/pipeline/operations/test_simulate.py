"""A simulation of a workspace uses its champion, texts and settings, and changes nothing."""

import json

import pytest
from conftest import NOW
from made_streams import BANK, sentences, texts_of, write_lines
from typer.testing import CliRunner

from pipeline import Workspace
from pipeline.commands.cli import app
from pipeline.operations import simulate as verb
from pipeline.simulation import Plan
from training.faults import DataFault


@pytest.fixture
def quiet(tmp_path):
    """A file of texts without drift."""
    rows = [{"text": f"{row} {each['text']}"} for row, each in enumerate(_texts(420))]
    write_lines(tmp_path / "quiet.jsonl", rows)
    return tmp_path / "quiet.jsonl"


def _texts(count):
    return texts_of(sentences(BANK, count, 9))


def bytes_of(folder):
    return {
        file: file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(("-wal", "-shm", ".lock"))
    }


def test_a_workspace_is_simulated_with_its_champion_and_left_as_it_is(opened, quiet, tmp_path):
    root = opened.settings.root
    before = bytes_of(root)
    plan = Plan(weeks=2, patience=1, strengths=(1.0,), seeds=1, texts_per_week=60, learn=False)
    found = verb.simulate_workspace(
        opened, plan, quiet, NOW, page=tmp_path / "year.html", dry_run=False
    )
    assert found.settings == "the settings of tiny-search"
    assert {each.named for each in found.drifts if each.cause == "model_version"} == {
        "model_version"
    }
    assert found.texts < 420, "topics are held back as new ones"
    assert (tmp_path / "year.html").exists()
    assert bytes_of(root) == before


def test_stored_texts_are_used_and_too_few_are_refused(turned, tmp_path):
    write_lines(tmp_path / "few.jsonl", _texts(30))
    with Workspace.open(turned, now=NOW) as work:
        assert work.simulate(dry_run=True).texts == 300
        with pytest.raises(DataFault, match="distinct texts; a simulation needs at least"):
            work.simulate(tmp_path / "few.jsonl", dry_run=True)


def test_the_command_tells_what_would_be_computed(turned, quiet, monkeypatch):
    call = ["simulate", str(quiet), "--workspace", str(turned), "--fast", "--dry-run", "--json"]
    done = CliRunner().invoke(app, call, catch_exceptions=False)
    told = json.loads(done.stdout)
    assert told["dry_run"]
    assert told["plan"][0].startswith("1 quiet year of 52 weekly checks")
    assert not (turned / "simulation.html").exists()


def test_the_settings_of_a_workspace_are_not_tried_on_a_made_scenario(turned):
    call = ["simulate", "--workspace", str(turned), "--scenario", "catalogue", "--dry-run"]
    assert CliRunner().invoke(app, call).exit_code == 2
