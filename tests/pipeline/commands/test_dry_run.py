"""`--dry-run`: what a command would change is told, and not a byte of the workspace changes."""

import hashlib
import json
import shutil
import subprocess
import sys

import pytest
from conftest import NOW, name_corpus
from made_streams import sentences, texts_of, write_lines
from tiny_models import tiny_bert
from typer.main import get_command

from pipeline.commands.cli import app
from pipeline.operations.workspace import Workspace
from pipeline.workspace import load_settings, open_workspace

CALLS = {
    "run": ["run"],
    "candidate": ["candidate", "{model}"],
    "generate": ["generate"],
    "promote": ["promote", "1", "--reason", "doubts", "--force"],
    "rollback": ["rollback"],
    "discard": ["discard", "--source", "flight", "--reason", "doubts"],
    "erase": ["erase", "--source", "flight", "--reason", "doubts"],
    "accept": ["accept"],
    "backup": ["backup", "{outside}/backup.tar"],
    "restore": ["restore", "{backup}", "{outside}/restored"],
    "export": ["export", "champion", "{outside}/model"],
    "gc": ["gc"],
    "index build": ["index", "build"],
    "index drop": ["index", "drop", "9"],
    "index export": ["index", "export", "{outside}/vectors.parquet"],
    "init": ["init", "{outside}/space"],
    "simulate": ["simulate", "{outside}/questions.jsonl"],
}
WITHOUT = {
    "demo": "makes a workspace of its own",
    "watch": "runs cycles until it is stopped; `run --dry-run` tells what one would do",
    "judge": "asks a person, and stores nothing but the answers",
    "serve": "runs until it is stopped, and stores nothing but its log",
}
READ_ONLY = {
    *("check", "status", "doctor", "compare", "evaluate", "search", "backtest", "report"),
    *("settings", "index status", "ui", "quarantine"),
}


def commands():
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", {})
        yield from ((f"{name} {each}", found) for each, found in inner.items())
        if not inner:
            yield name, command


def test_every_command_that_changes_something_has_a_dry_run():
    dry = {name for name, found in commands() if any(p.name == "dry_run" for p in found.params)}
    assert dry == set(CALLS)
    assert dry | set(WITHOUT) | READ_ONLY == {name for name, _ in commands()}


@pytest.fixture
def space(turned, tmp_path):
    """A workspace in which each of the commands has something to do."""
    cooking = sentences(("cook", "recipe", "salt", "pepper"), 180, 8)
    write_lines(turned / "traffic" / "cooking.jsonl", texts_of(cooking[:150]))
    with Workspace.open(turned, now=NOW) as work:
        work.run()  # It checks the texts, which can be accepted then.
    more = '\n[generate]\nurl = "http://127.0.0.1:1/v1"\nmodel = "m"\n[keep]\ncycles = 0\n'
    name_corpus(turned, more)
    documents = [{"id": f"d{n}", "text": f"how to fly number {n}"} for n in range(20)]
    write_lines(turned / "corpus" / "documents.jsonl", documents)
    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        opened.take_in(NOW)
    with Workspace.open(turned, now=NOW) as work:
        work.index_build()
    tables = turned / ".anchorhold" / "index"
    shutil.copytree(tables / "v2.lance", tables / "v9.lance")
    write_lines(turned / "pairs" / "cooking.jsonl", cooking)
    return turned


def bytes_of(folder):
    """The hash of each file, without caches, locks, and what SQLite makes for every reader."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not file.name.endswith(("-wal", "-shm", ".lock"))
        and folder / ".anchorhold" / "cache" not in file.parents
    }


RUN = """
import json, sys
from pipeline.commands.cli import app
for call in json.load(sys.stdin):
    try:
        app(call, standalone_mode=False)
    except SystemExit as end:
        assert not end.code, (call, end.code)
"""


@pytest.mark.slow
def test_a_dry_run_of_every_command_changes_no_byte(space, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    asked = ({"text": f"question {row} of the year"} for row in range(400))
    write_lines(outside / "questions.jsonl", asked)
    model = tiny_bert(tmp_path / "other")
    backup = tmp_path / "backup.tar"
    with Workspace.open(space, now=NOW) as work:
        work.backup(backup)
    before = bytes_of(space)
    calls = []
    for call in CALLS.values():
        words = [word.format(model=model, outside=outside, backup=backup) for word in call]
        at = [] if call[0] in ("init", "restore") else ["--workspace", str(space)]
        calls.append([*words, *at, "--dry-run", "--json"])
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = dict(zip(CALLS, map(json.loads, done.stdout.splitlines()), strict=True))
    assert bytes_of(space) == before
    assert [each.name for each in outside.iterdir()] == ["questions.jsonl"]
    for name, result in told.items():
        if name in ("candidate", "generate", "gc", "erase", "simulate"):
            assert result["dry_run"], name
        elif name != "index build":
            assert result["foreseen"]["changes"], name
    assert told["index build"]["documents"] == 20
    assert told["run"]["intake"]["pairs"]["stored"] == 180
    assert (
        told["rollback"]["foreseen"]["changes"][0] == "version 1 would serve instead of version 2"
    )
    assert told["discard"]["pairs"] == 300
    assert told["accept"]["texts"] == 150
    assert told["export"]["foreseen"]["bytes"] > 10_000
    assert told["index drop"]["foreseen"]["bytes"] == -20 * 16 * 4


def test_what_was_foreseen_is_what_is_done(turned):
    with Workspace.open(turned, now=NOW) as work:
        foreseen = work.rollback(dry_run=True)
        done = work.rollback()
        assert foreseen.changed(foreseen=None, warnings=()) == done
        excluded = work.discard(source="flight", reason="doubts", dry_run=True)
        assert excluded.changed(foreseen=None) == work.discard(source="flight", reason="doubts")


def test_a_dry_run_refuses_what_the_command_refuses(turned, tmp_path):
    with Workspace.open(turned, now=NOW) as work:
        for refused in (
            lambda **how: work.promote(2, reason="x", **how),
            lambda **how: work.promote(7, reason="x", **how),
            lambda **how: work.rollback(2, **how),
            lambda **how: work.discard(source="nobody", reason="x", **how),
            lambda **how: work.accept(undo=True, **how),
            lambda **how: work.export(2, turned, **how),
            lambda **how: work.index_drop(2, **how),
            lambda **how: work.index_export(tmp_path / "f", **how),
        ):
            with pytest.raises(Exception) as with_it:
                refused(dry_run=True)
            with pytest.raises(type(with_it.value)) as without:
                refused(dry_run=False)
            assert str(with_it.value) == str(without.value)


def test_the_first_run_is_foreseen_without_a_trace(workspace):
    shutil.rmtree(workspace / ".anchorhold")
    with Workspace.open(workspace, now=NOW) as work:
        estimate = work.run_estimate()
    assert estimate.bootstraps
    assert estimate.intake.history.stored == 200
    assert not (workspace / ".anchorhold").exists()


def test_an_interrupted_cycle_would_be_resumed(turned):
    from pipeline.store import Store

    with Store.open(load_settings(turned).store_url) as store:
        cycle = store.begin_cycle(NOW).id
    with Workspace.open(turned, now=NOW) as work:
        estimate = work.run_estimate()
    assert estimate.resumes == cycle
    assert estimate.foreseen.basis == "cycle 0002"


@pytest.mark.slow
def test_a_training_is_foreseen_with_its_time_and_size(turned):
    cooking = sentences(("cook", "recipe", "salt", "pepper"), 300, 8)
    write_lines(turned / "traffic" / "cooking.jsonl", texts_of(cooking[:150]))
    write_lines(turned / "pairs" / "cooking.jsonl", cooking)
    with Workspace.open(turned, now=NOW) as work:
        estimate = work.run_estimate()
        assert estimate.decision.train
        assert estimate.foreseen.seconds > 0
        assert "cycle 0002" in estimate.foreseen.basis
        before = sum(f.stat().st_size for f in (turned / ".anchorhold").rglob("*") if f.is_file())
        result = work.run()
        after = sum(f.stat().st_size for f in (turned / ".anchorhold").rglob("*") if f.is_file())
    assert result.candidate is not None
    assert 0 < estimate.foreseen.bytes < after - before
