"""MLflow's store survives its first opening, and opening changes nothing of the process."""

import http.server
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from postgres_server import running_postgres

from pipeline.registry import RegistryFault, quiet_environment
from pipeline.registry.opening import open_tracking
from training.whole_files import MACHINE

ROOT = Path(__file__).parents[3]
OPEN = """
import sys
from pathlib import Path
from pipeline.registry.opening import open_tracking
state = Path(sys.argv[1])
uri = f"sqlite:///{state}/mlflow.db"
open_tracking(uri, artifacts=state / "a", name="m", workspace_state=state)
"""


def opened(state, uri=None):
    return open_tracking(
        uri or f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="support-search",
        workspace_state=state,
    )


def run(code: str, *arguments: str, **options) -> subprocess.Popen:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env={**kept, "PYTHONPATH": str(ROOT)},
        **options,
    )


def gone() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture(scope="module")
def first_state(tmp_path_factory):
    state = tmp_path_factory.mktemp("first") / ".anchorhold"
    state.mkdir()
    # What processes leave that were killed while they created a store.
    (state / "mlflow.db").touch()
    owner = f"{MACHINE}-{gone()}"
    (state / f".mlflow.db.{owner}.0.partial").write_text("half a database")
    opened(state)
    return state


@pytest.fixture
def state(tmp_path, first_state):
    state = tmp_path / ".anchorhold"
    state.mkdir()
    shutil.copy(first_state / "mlflow.db", state / "mlflow.db")
    return state


def test_a_store_is_created_beside_and_leaves_nothing_half_made(first_state):
    names = {path.name for path in first_state.iterdir()}
    assert names == {"mlflow.db", "mlflow.db.lock", "tracking.lock", "workspace.id"}
    assert opened(first_state).client.get_experiment_by_name("support-search") is not None


def test_a_damaged_store_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_text("this is no database, but it is not empty")
    with pytest.raises(RegistryFault, match=r"could not open sqlite:.*mlflow\.db.*not a database"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "uri", ["mlruns", "file:///tmp/mlruns", "databricks", "sqlite://", "sqlite:///:memory:"]
)
def test_stores_that_cannot_serve_are_refused(tmp_path, uri):
    with pytest.raises(RegistryFault, match=r"tracking\.uri is"):
        opened(tmp_path, uri)


@pytest.mark.parametrize("uri", ["databricks", "databricks-uc", "uc:http://127.0.0.1:8080"])
def test_who_names_unity_catalog_is_told_how_versions_come_there(tmp_path, uri):
    with pytest.raises(RegistryFault, match=r"publish it there \(examples/publish_version\.py\)"):
        opened(tmp_path, uri)


def test_a_server_that_is_down_is_named_at_once_and_its_password_is_not(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(RegistryFault, match=rf"http://…@127\.0\.0\.1:{port} does not answer") as it:
        opened(tmp_path, f"http://user:secret@127.0.0.1:{port}")
    assert time.monotonic() - started < 10
    assert "secret" not in str(it.value)


def test_a_database_that_is_down_is_named_at_once_and_its_password_is_not(tmp_path):
    told = r"the database postgresql://…@127\.0\.0\.1:1/mlflow does not answer"
    started = time.monotonic()
    with pytest.raises(RegistryFault, match=told) as it:
        opened(tmp_path, "postgresql://user:secret@127.0.0.1:1/mlflow")
    assert time.monotonic() - started < 10
    assert "secret" not in str(it.value)


def test_a_missing_driver_of_the_database_is_named_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RegistryFault, match=r'not installed: pip install "anchorhold\[postgres\]"'):
        opened(tmp_path, "postgresql://127.0.0.1:1/mlflow")


@pytest.mark.slow
def test_three_processes_may_open_a_fresh_database_in_postgresql_at_once(tmp_path):
    with running_postgres() as server:
        uri = server.create("mlflow")
        code = OPEN.replace('f"sqlite:///{state}/mlflow.db"', "sys.argv[2]")
        states = [tmp_path / str(number) for number in range(3)]
        for state in states:
            state.mkdir()
        processes = [run(code, str(state), uri) for state in states]
        assert [each.wait(timeout=300) for each in processes] == [0, 0, 0]


def test_a_server_that_fails_is_refused_with_its_answer(tmp_path):
    class Failing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(503)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(RegistryFault, match="it answers 503"):
                opened(tmp_path, f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_a_server_that_never_answers_is_given_up_within_half_a_minute(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(RegistryFault, match="does not answer"):
            opened(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert time.monotonic() - started < 30


@pytest.mark.slow
def test_four_processes_may_open_a_fresh_store_at_once(tmp_path):
    processes = [run(OPEN, str(tmp_path)) for _ in range(4)]
    assert [each.wait(timeout=120) for each in processes] == [0, 0, 0, 0]
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.slow
def test_a_process_killed_while_it_creates_the_store_does_no_harm(tmp_path):
    killed = 0
    while killed < 20 and not (tmp_path / "mlflow.db").exists():
        process = run(OPEN, str(tmp_path), start_new_session=True)
        while process.poll() is None and not list(tmp_path.glob("mlflow.db.lock")):
            time.sleep(0.01)
        time.sleep(killed)
        process.kill()
        process.wait()
        killed += 1
    assert killed > 1
    assert run(OPEN, str(tmp_path)).wait(timeout=120) == 0


def test_an_experiment_deleted_in_mlflow_is_named_with_the_remedy(state):
    tracking = opened(state)
    tracking.client.delete_experiment(tracking.experiment)
    with pytest.raises(RegistryFault, match="was deleted in MLflow; restore it"):
        opened(state)


def test_opening_leaves_the_environment_alone_and_imports_mlflow_with_its_reports_off(tmp_path):
    code = f"""
import os, sys
seen, before = [], dict(os.environ)
def note(event, arguments):
    if event == "import" and arguments[0] == "mlflow":
        seen.append(os.environ.get("MLFLOW_DISABLE_TELEMETRY"))
sys.addaudithook(note)
{OPEN}
print(seen[:1], sorted(dict(before.items() ^ dict(os.environ).items())))
"""
    process = run(code, str(tmp_path), stdout=subprocess.PIPE, text=True)
    assert process.communicate(timeout=120)[0] == "['true'] []\n"


def test_commands_make_mlflow_private_and_quiet_and_keep_what_a_person_chose(monkeypatch):
    monkeypatch.setattr(os, "environ", {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "9"})
    quiet_environment()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "9"
    assert os.environ["MLFLOW_LOGGING_LEVEL"] == "WARNING"


@pytest.mark.parametrize(
    ("revision", "told"),
    [("ffffffffffff", r"a newer one: install"), ("f5a4f2784254", r"an older one: back .* upgrade")],
)
def test_a_database_of_another_mlflow_is_named_with_the_way_out(
    empty_tracking_store, tmp_path, revision, told
):
    shutil.copy(empty_tracking_store, tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.commit()
    with pytest.raises(RegistryFault, match=rf"the tables of another MLflow .*, {told}"):
        opened(tmp_path)
