"""The command line, from outside: results on stdout, mistakes in one sentence with status 2."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from importlib.metadata import version
from typing import get_args

import pytest
from made_streams import TRAVEL, sentences, texts_of, write_lines
from typer.main import get_command

from pipeline.commands.cli import app
from pipeline.commands.options import OUTCOME_STATUS
from pipeline.machine.lock import hold_workspace
from pipeline.results import Outcome


def anchorhold(*arguments, cwd=None, environment=None):
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", **(environment or {})},
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def refused(done):
    """The one sentence of a mistake: status 2, nothing on stdout, no traceback."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "sys.argv = ['anchorhold', '--help']\n"
        "from pipeline.commands.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'mlflow', 'sklearn', 'pydantic', 'sqlalchemy', 'numpy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "rollback" in done.stdout


def test_rollback_imports_neither_models_nor_statistics():
    code = (
        "import sys, pipeline.operations, pipeline.commands.rollback\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy.stats', 'scipy.optimize'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_is_printed():
    done = anchorhold("--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["anchorhold", version("anchorhold")]


def test_a_shell_completes_the_commands():
    asked = {
        "_ANCHORHOLD_COMPLETE": "complete_bash",
        "COMP_WORDS": "anchorhold sta",
        "COMP_CWORD": "1",
    }
    assert anchorhold(environment=asked).stdout.split() == ["status"]
    assert "--install-completion" in anchorhold("--help").stdout


WORDS = {
    "bash": {"COMP_WORDS": "anchorhold {}", "COMP_CWORD": "1"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "anchorhold {}"},
    "fish": {"_TYPER_COMPLETE_ARGS": "anchorhold {}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}


@pytest.mark.parametrize("shell", WORDS)
def test_each_shell_gets_a_script_and_completes_commands_and_options(shell):
    asked = {"_ANCHORHOLD_COMPLETE": f"source_{shell}"}
    script = anchorhold(environment=asked).stdout
    assert "_ANCHORHOLD_COMPLETE" in script
    for typed, completed in (("sta", "status"), ("doctor --qu", "--quick")):
        words = {name: value.format(typed) for name, value in WORDS[shell].items()}
        if shell == "bash":
            words["COMP_CWORD"] = str(len(typed.split()))
        told = anchorhold(environment={"_ANCHORHOLD_COMPLETE": f"complete_{shell}", **words})
        assert completed in told.stdout, told.stderr


def test_each_command_has_a_file_of_its_own_name():
    for name, command in get_command(app).commands.items():
        for each in getattr(command, "commands", {name: command}).values():
            assert each.callback.__module__ == f"pipeline.commands.{name}"


def test_a_new_user_begins_with_init_and_is_told_what_is_missing(tmp_path):
    done = anchorhold("init", "search", cwd=tmp_path)
    assert done.returncode == 0
    assert "anchorhold.toml" in done.stdout
    assert "overwrites" in refused(anchorhold("init", "search", cwd=tmp_path))
    message = refused(anchorhold("run", "--workspace", "search", cwd=tmp_path))
    assert "history" in message


def test_a_typo_in_the_settings_is_named(tmp_path):
    settings = tmp_path / "anchorhold.toml"
    settings.write_text('[model]\nname = "a"\nbase = "b"\n[data]\n[gate]\nmax_dorp = 0.1\n')
    message = refused(anchorhold("check", "-w", tmp_path))
    assert "gate.max_dorp" in message
    assert "did you mean max_drop?" in message


def test_all_settings_are_printed_as_a_settings_file(workspace):
    done = anchorhold("settings", "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads(done.stdout)["model"]["name"] == "tiny-search"
    listed = json.loads(anchorhold("settings", "-w", workspace, "--json").stdout)
    assert "gate.max_drop" in {each["key"] for each in listed["settings"]}


def test_a_folder_that_is_no_workspace_and_an_unknown_option_are_refused(tmp_path):
    assert "anchorhold init" in refused(anchorhold("status", "-w", tmp_path))
    assert "--typo" in refused(anchorhold("run", "--typo", cwd=tmp_path))


def test_a_second_runner_is_refused_and_told_who_is_at_work(workspace):
    now = datetime(2026, 1, 2, tzinfo=UTC)
    with hold_workspace(workspace / ".anchorhold", doing="run", now=now):
        message = refused(anchorhold("run", "-w", workspace))
    assert f"process {os.getpid()}" in message


@pytest.mark.slow
def test_a_bad_record_goes_to_quarantine_and_a_bad_file_stops_the_run(workspace):
    history = workspace / "history" / "bank.jsonl"
    history.write_text(history.read_text() + '{"query": "no answer"}\n')
    done = anchorhold("run", "-w", workspace, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["outcome"] == "bootstrapped"
    assert result["intake"]["history"]["quarantined"] == 1
    assert "line 201" in result["intake"]["warnings"][0]

    (workspace / "pairs").mkdir()
    (workspace / "pairs" / "bad.jsonl").write_text("this is not JSON\n")
    message = refused(anchorhold("run", "-w", workspace))
    assert "bad.jsonl" in message
    assert "line 1" in message
    (workspace / "pairs" / "bad.jsonl").unlink()
    again = anchorhold("run", "-w", workspace, "--json")
    assert json.loads(again.stdout)["outcome"] == "quiet", again.stderr


@pytest.fixture
def promoted(workspace, travel_arrives):
    assert anchorhold("run", "-w", workspace).returncode == 0
    travel_arrives()
    return workspace


@pytest.mark.slow
def test_a_run_that_could_not_train_is_seen_in_the_exit_status(tmp_path, turned_once):
    space = tmp_path / "space"
    shutil.copytree(turned_once, space)
    cooking = sentences(("cook", "recipe", "salt", "hotel"), 180, 8)
    write_lines(space / "traffic" / "cooking.jsonl", texts_of(cooking[:150]))
    write_lines(space / "pairs" / "cooking.jsonl", cooking[150:])
    asked = anchorhold("check", "-w", space, "--exit-code")
    assert asked.returncode == 6, "training is called for, and there is nothing to learn from"
    assert "nothing to learn from: not enough new pairs" in asked.stdout
    few = anchorhold("run", "-w", space, "--json", "--exit-code")
    assert json.loads(few.stdout)["outcome"] == "insufficient_data", few.stderr
    assert few.returncode == 6

    repeated = [{**cooking[0], "id": f"again-{number}"} for number in range(200)]
    write_lines(space / "pairs" / "repeated.jsonl", repeated)
    assert anchorhold("check", "-w", space, "--exit-code").returncode == 7
    blocked = anchorhold("run", "-w", space, "--json", "--exit-code")
    assert json.loads(blocked.stdout)["outcome"] == "blocked", blocked.stderr
    assert blocked.returncode == 7
    assert anchorhold("run", "-w", space).returncode == 0, "only where it is asked for"


def test_a_workspace_is_made_of_data_without_a_question_to_no_terminal(tmp_path):
    write_lines(tmp_path / "data" / "log.jsonl", [{"query": "lost card", "results": ["d1"]}])
    made = anchorhold("init", tmp_path / "space", "--from", tmp_path / "data", "--json")
    told = json.loads(made.stdout)
    assert [(each["key"], each["files"]) for each in told["found"]] == [("log", 1)]
    assert told["proxies"] == "refuse"
    again = anchorhold(
        "init", tmp_path / "other", "--from", tmp_path / "data", "--proxies", "allow"
    )
    assert "log: " in again.stdout
    assert 'proxies = "allow"' in (tmp_path / "other" / "anchorhold.toml").read_text()


def test_help_tells_every_exit_status_of_a_run():
    told = get_command(app).commands["run"].help
    assert set(OUTCOME_STATUS) < set(get_args(Outcome))
    assert all(f"{status} {outcome}" in told for outcome, status in OUTCOME_STATUS.items())


@pytest.mark.slow
def test_the_commands_tell_one_story(promoted, tmp_path):
    check = anchorhold("check", "-w", promoted, "--json", "--exit-code")
    assert check.returncode == 3, check.stderr
    decision = json.loads(check.stdout)
    assert {"train", "reasons", "blocked_by", "signals"} <= set(decision)
    assert decision["train"]
    keys = {"trigger", "fired", "p_value", "effect", "threshold", "cause", "reason", "examples"}
    assert all(keys <= set(signal) for signal in decision["signals"])
    status = json.loads(anchorhold("status", "-w", promoted, "--json").stdout)
    assert set(status["waiting"].values()) == {0}, "a check keeps nothing"

    run = anchorhold("run", "-w", promoted, "--json", "--exit-code")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["outcome"], result["champion"]) == ("promoted", {"version": 2})
    assert {"cycle", "decision", "candidate", "verdict", "seconds", "run_id"} <= set(result)

    compared = json.loads(anchorhold("compare", 1, "champion", "-w", promoted, "--json").stdout)
    assert [row["task"] for row in compared["tasks"]] == ["anchor/bank", "anchor/learned-0002"]
    assert compared["tasks"][1]["differences"][0]["difference"] > 0

    page = tmp_path / "sides.html"
    sides = anchorhold("compare", "champion", "origin", "-w", promoted, "--html", page)
    assert "queries that got worse" in sides.stdout, sides.stderr
    assert "Queries that got worse" in page.read_text(encoding="utf-8")
    again = anchorhold("evaluate", "-w", promoted, "--json", "--exit-code")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["fell"] == []

    done = json.loads(
        anchorhold(
            "discard", "--cycle", "0002", "--reason", "doubts", "-w", promoted, "--json"
        ).stdout
    )
    assert (done["pairs"], done["champion"]["version"]) == (300, 2)
    assert done["champion"]["in_memory"] > 0
    nothing = anchorhold("discard", "--source", "x", "--reason", "doubts", "-w", promoted)
    assert "there are: 'flight', 'lost'" in refused(nothing).replace("'', ", "")
    undone = anchorhold("discard", "--cycle", "0002", "--undo", "--reason", "fine", "-w", promoted)
    assert "300 pairs and 0 texts of the cycle '0002' included again" in undone.stdout

    back = json.loads(anchorhold("rollback", "-w", promoted, "--json").stdout)
    assert back["champion"] == {"version": 1}
    status = json.loads(anchorhold("status", "-w", promoted, "--json").stdout)
    assert status["champion"]["version"] == 1
    assert status["waiting"]["pairs"] > 0, "the cut went back too"
    forward = anchorhold(
        "promote", 2, "--force", "-w", promoted, "--reason", "it was fine", "--json"
    )
    assert json.loads(forward.stdout)["champion"] == {"version": 2}

    folder = tmp_path / "exported"
    assert anchorhold("export", "champion", folder, "-w", promoted).returncode == 0
    assert (folder / "model.safetensors").exists()
    assert "exists already" in refused(anchorhold("export", "champion", folder, "-w", promoted))
    assert "versions: 1, 2" in refused(anchorhold("export", "7", tmp_path / "x", "-w", promoted))
    report = json.loads(anchorhold("report", "-w", promoted, "--json").stdout)
    assert report["report"].endswith("report.html")


@pytest.mark.slow
def test_check_checks_a_file_given_instead(promoted, tmp_path):
    write_lines(tmp_path / "texts.jsonl", texts_of(sentences(TRAVEL, 60, 11)))
    write_lines(tmp_path / "pairs.jsonl", sentences(TRAVEL, 60, 12))
    for option, name in (("--traffic", "texts.jsonl"), ("--pairs", "pairs.jsonl")):
        done = anchorhold("check", "-w", promoted, "--json", option, tmp_path / name)
        assert json.loads(done.stdout)["train"], done.stderr
    (tmp_path / "empty.jsonl").write_text("")
    message = refused(anchorhold("check", "-w", promoted, "--traffic", tmp_path / "empty.jsonl"))
    assert "empty.jsonl" in message
