"""The step of a pipeline: what a cycle's exit status becomes for a scheduler."""

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest
from made_streams import write_lines

from pipeline.commands.options import OUTCOME_STATUS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "orchestrators"


@pytest.fixture
def step(monkeypatch, tmp_path):
    """Return the module that calls the command, which is this checkout's."""
    program = tmp_path / "bin" / "anchorhold"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pipeline "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = importlib.util.spec_from_file_location("cycle_command", FOLDER / "cycle_command.py")
    module = importlib.util.module_from_spec(found)
    monkeypatch.setitem(sys.modules, "cycle_command", module)
    found.loader.exec_module(module)
    return module


def test_a_cycle_that_ended_tells_its_outcome_and_what_serves(step, turned):
    done = step.run_cycle(str(turned))
    assert (done.status, done.outcome, done.version) == (0, "quiet", 2)
    assert not done.blocked
    assert done.result["cycle"] == "0003"


def test_a_cycle_that_could_not_begin_is_a_failure_with_the_sentence_of_the_command(step, tmp_path):
    with pytest.raises(step.CycleFailed, match=r"status 2: anchorhold: .*anchorhold\.toml"):
        step.run_cycle(str(tmp_path))


@pytest.mark.slow
def test_a_blocked_cycle_ended_and_is_blocked(step, turned):
    rows = [{"query": "lost card", "positive": "card", "id": f"p{n}"} for n in range(200)]
    write_lines(turned / "pairs" / "repeated.jsonl", rows)
    done = step.run_cycle(str(turned))
    assert (done.outcome, done.blocked) == ("blocked", True), done.result["decision"]


def test_every_status_of_a_run_is_known(step):
    assert set(step.FINISHED) == {0, *OUTCOME_STATUS.values()}
    named = {status: outcome.replace("_", " ") for outcome, status in OUTCOME_STATUS.items()}
    assert step.FINISHED.items() - named.items() == {(0, "done")}
    assert named.items() <= step.FINISHED.items()


@pytest.mark.parametrize("file", ["airflow_dag.py", "prefect_flow.py", "dagster_job.py"])
def test_each_scheduler_runs_cycles_through_the_one_command(file):
    text = (FOLDER / file).read_text(encoding="utf-8")
    compile(text, file, "exec")
    assert re.search(r"^from cycle_command import .*run_cycle", text, re.MULTILINE)
    assert "subprocess" not in text
