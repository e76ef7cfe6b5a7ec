"""A workspace whose state is on servers: a real PostgreSQL and a real MLflow server, and two hosts.

A host is a process with a folder of its own: of the other's, it has the data, the settings and what
the test copies, as machines that share nothing but the servers.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import NOW, let_travel_arrive, make_workspace
from made_lives import live_on
from mlflow_server import MlflowServer, running_mlflow
from postgres_server import PostgresServer, running_postgres

from pipeline.store import Store
from pipeline.workspace import load_settings, open_workspace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HOST = """
import os, platform, signal, sys, time
from pathlib import Path
name, stop, gate = sys.argv.pop(1), sys.argv.pop(1), Path(sys.argv.pop(1))
platform.node = lambda: name

from pipeline.cycle.journal import Journal
once = Journal.once

def until(journal, stage, work, kind):
    done = journal.known(stage)
    result = once(journal, stage, work, kind)
    if stage == stop and not done:
        gate.with_suffix(".reached").touch()
        while not gate.exists():
            time.sleep(0.05)
    return result

Journal.once = until
from pipeline.commands.cli import main
main()
"""


@dataclass
class Host:
    """A machine with a workspace."""

    name: str
    space: Path

    def start(self, command: str, *arguments: str, stop: str = "never") -> "subprocess.Popen[str]":
        """Start a command that waits after a stage until it is let go on."""
        gate = self._gate
        for file in (gate, gate.with_suffix(".reached")):
            file.unlink(missing_ok=True)
        told = [self.name, stop, str(gate), command, *arguments]
        return subprocess.Popen(
            [sys.executable, "-c", HOST, *told, "--workspace", str(self.space), "--json"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def _gate(self) -> Path:
        return self.space.parent / f"{self.name}.gate"

    def wait_for_stage(self, process: "subprocess.Popen[str]") -> None:
        while not self._gate.with_suffix(".reached").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)

    def go_on(self) -> None:
        self._gate.touch()

    def run(self, command: str, *arguments: str) -> Any:
        """Run a command and return what it printed."""
        return answer(self.start(command, *arguments))


def answer(process: "subprocess.Popen[str]") -> Any:
    told, complaints = process.communicate(timeout=600)
    assert process.returncode == 0, complaints[-2000:]
    return json.loads(told)


def refusal(process: "subprocess.Popen[str]") -> str:
    """Return the sentence that a command ended with: status 2, one line, no traceback."""
    told, complaints = process.communicate(timeout=600)
    assert (process.returncode, told) == (2, ""), complaints[-2000:]
    assert "Traceback" not in complaints
    (line,) = [each for each in complaints.splitlines() if each.startswith("anchorhold: ")]
    return line


@dataclass
class Shared:
    """Two servers, and the hosts that share them."""

    postgres: PostgresServer
    mlflow: MlflowServer
    store_url: str
    make_host: Callable[[str], Host]

    def moves(self) -> list[tuple[int, str, str | None]]:
        with Store.open(self.store_url) as store:
            assert store.verify_promotions() == len(store.promotions())
            return [(each.version, each.action, each.cycle) for each in store.promotions()]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    place = tmp_path_factory.mktemp("servers")
    with (
        running_postgres() as postgres,
        running_mlflow(postgres.create("tracking"), place) as mlflow,
    ):
        yield postgres, mlflow


@pytest.fixture
def shared(servers, tmp_path, tiny_model, empty_tracking_store, request):
    postgres, mlflow = servers
    name = f"s{abs(hash(request.node.name))}"
    url = postgres.create(name)
    origin = make_workspace(tmp_path / "origin", tiny_model, empty_tracking_store)
    shutil.rmtree(origin / ".anchorhold")
    settings = origin / "anchorhold.toml"
    written = settings.read_text(encoding="utf-8").replace("tiny-search", name)
    written += f'\n[store]\nurl = "{url}"\n\n[tracking]\nuri = "{mlflow.uri}"\n'
    settings.write_text(written, encoding="utf-8")

    def make_host(name: str) -> Host:
        space = shutil.copytree(origin, tmp_path / name / "space")
        return Host(name, space)

    return Shared(postgres, mlflow, url, make_host)


BOOTSTRAP = (1, "bootstrap", "0001")
PROMOTION = (2, "promote", "0002")


def test_two_hosts_share_a_workspace_and_only_one_runs(shared):
    one, other = shared.make_host("one"), shared.make_host("other")
    assert one.run("run")["outcome"] == "bootstrapped"
    for each in (one, other):
        let_travel_arrive(each.space)
    running = one.start("run", stop="decision")
    one.wait_for_stage(running)
    told = refusal(other.start("run"))
    assert f"anchorhold run ({running.pid} on one) has held it since" in told
    assert other.run("status")["unfinished"] is not None
    one.go_on()
    assert answer(running)["outcome"] == "promoted"
    assert other.run("run")["outcome"] == "quiet"
    assert shared.moves() == [BOOTSTRAP, PROMOTION]
    status = other.run("status")
    assert (status["champion"]["version"], status["history"]["verified"]) == (2, True)


@pytest.mark.parametrize(
    ("stage", "outcomes"),
    [
        ("prepare", ["promoted"]),
        # What was trained lies on the machine that trained it.
        ("train/configured", ["inconclusive", "promoted"]),
        ("evaluate", ["promoted"]),
    ],
)
def test_a_run_killed_on_one_host_is_continued_on_another(shared, stage, outcomes):
    one, other = shared.make_host("one"), shared.make_host("other")
    one.run("run")
    for each in (one, other):
        let_travel_arrive(each.space)
    running = one.start("run", stop=stage)
    one.wait_for_stage(running)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    done = [other.run("run") for _ in outcomes]
    assert [each["outcome"] for each in done] == outcomes
    assert [each["cycle"] for each in done] == ["0002", "0003"][: len(outcomes)]
    assert shared.moves() == [BOOTSTRAP, (2, "promote", done[-1]["cycle"])]


def test_what_is_old_goes_from_the_servers_and_from_each_host(shared):
    one, other = shared.make_host("one"), shared.make_host("other")
    for host in (one, other):
        with (host.space / "anchorhold.toml").open("a", encoding="utf-8") as settings:
            settings.write("\n[keep]\nchampions = 0\ncandidates = 0\ncycles = 0\nruns = 0\n")
    one.run("run")
    with open_workspace(load_settings(one.space), doing="test", now=NOW) as opened:
        live_on(opened, 2)
        versions, registry = [opened.registry.version(number) for number in (2, 3)], opened.registry
    # A command that only reads does not make the folder of the state.
    (other.space / ".anchorhold").mkdir()
    told = other.run("gc", "--dry-run")
    done = other.run("gc")
    assert (done["bytes"], done["deleted"]) == (told["bytes"], told["deleted"])
    assert done["deleted"] == {"versions": 2, "cycles": 2, "runs": 2}
    assert not done["warnings"]
    assert [each.number for each in registry.versions()] == [1]
    for each in versions:
        assert registry.client.list_artifacts(each.run_id) == []
        # What is left of a run on a server is for its owner's `mlflow gc`.
        assert registry.client.get_run(each.run_id).info.lifecycle_stage == "deleted"
    assert one.run("gc")["deleted"] == {"cycles": 2, "copies": 2}
    assert one.run("status")["champion"]["version"] == 1


def test_a_host_that_lost_its_hold_promotes_nothing(shared):
    one, other = shared.make_host("one"), shared.make_host("other")
    one.run("run")
    for each in (one, other):
        let_travel_arrive(each.space)
    running = one.start("run", stop="verdict")
    one.wait_for_stage(running)
    with psycopg.connect(shared.store_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE classid = 4711")
    assert other.run("run")["outcome"] == "promoted"
    one.go_on()
    assert "the connection that locks the workspace in PostgreSQL was cut" in refusal(running)
    assert shared.moves() == [BOOTSTRAP, PROMOTION]
    assert one.run("run")["outcome"] == "quiet"


def test_an_mlflow_server_killed_in_the_middle_and_back_loses_nothing(shared):
    host = shared.make_host("one")
    host.run("run")
    let_travel_arrive(host.space)
    running = host.start("run", stop="decision")
    host.wait_for_stage(running)
    shared.mlflow.kill()
    try:
        host.go_on()
        told = refusal(running)
        assert "does not answer" in told and "nothing that was stored is lost" in told
        assert "does not answer" in refusal(host.start("run"))
    finally:
        shared.mlflow.start()
    done = host.run("run")
    assert (done["cycle"], done["outcome"]) == ("0002", "promoted")
    assert shared.moves() == [BOOTSTRAP, PROMOTION]


def test_a_postgresql_restarted_in_the_middle_loses_nothing(shared):
    host = shared.make_host("one")
    host.run("run")
    let_travel_arrive(host.space)
    running = host.start("run", stop="evaluate")
    host.wait_for_stage(running)
    shared.postgres.restart()
    host.go_on()
    assert "nothing that was stored is lost" in refusal(running)
    done = host.run("run")
    assert (done["cycle"], done["outcome"]) == ("0002", "promoted")
    assert shared.moves() == [BOOTSTRAP, PROMOTION]


def test_mlflow_may_be_a_database_without_a_server(shared):
    host = shared.make_host("one")
    settings = host.space / "anchorhold.toml"
    written = settings.read_text(encoding="utf-8")
    database = shared.postgres.create("without-a-server")
    settings.write_text(written.replace(shared.mlflow.uri, database), encoding="utf-8")
    assert host.run("run")["outcome"] == "bootstrapped"
    let_travel_arrive(host.space)
    assert host.run("run")["outcome"] == "promoted"
    assert host.run("rollback")["champion"]["version"] == 1
    assert shared.moves() == [BOOTSTRAP, PROMOTION, (1, "rollback", None)]
