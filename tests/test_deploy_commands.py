"""The commands of examples/deploy, run: on real servers, with the paths of this machine."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import let_travel_arrive, make_workspace
from deploy_files import (
    DEPLOY,
    ROOT,
    commands,
    compose,
    copied,
    dockerfile,
    last,
    script,
    tracked,
)
from mlflow_server import free_port
from postgres_server import running_postgres
from serving import wait_for

pytestmark = pytest.mark.slow

PROGRAMS = {
    "anchorhold": [sys.executable, "-m", "pipeline"],
    "mlflow": [sys.executable, "-m", "mlflow"],
    "python": [sys.executable],
}
PATIENCE = 240
"""Seconds: other work may take the processors."""


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def started(words, **more):
    program, *arguments = words
    # Nobody reads what the server says of each request: a full pipe would stop it.
    pipe = subprocess.PIPE if program == "anchorhold" else None
    return subprocess.Popen(
        [*PROGRAMS[program], *arguments],
        env=environment(**more), stdout=pipe, stderr=pipe, text=True, start_new_session=True,
    )  # fmt: skip


@contextmanager
def running(words, **more):
    """Run a command until the block ends; ours must end in order then."""
    process = started(words, **more)
    try:
        yield process
        if words[0] == "anchorhold":
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(words, **more):
    process = started(words, **more)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def replaced(words, places):
    """Return the words with the names of a deployment replaced by those of this machine."""
    names = re.compile("|".join(map(re.escape, places)))
    return [names.sub(lambda found: str(places[found[0]]), word) for word in words]


def is_healthy(check, places):
    return run(replaced(check, places))[0] == 0


def test_the_commands_of_cron_and_systemd_run_in_a_workspace(turned):
    places = {"/srv/support-search": turned, "/srv/%i": turned}
    calls = [call for name in ("crontab", "anchorhold-run@.service") for call in commands()[name]]
    told = []
    for call in calls:
        status, out, errors = run(["anchorhold", *replaced(call, places)])
        assert status == 0, errors
        told.append(json.loads(out))
    assert [each.get("outcome") for each in told] == ["quiet", None, "quiet"]


@pytest.mark.parametrize("unit", ["anchorhold-watch@.service", "anchorhold-serve@.service"])
def test_the_services_of_systemd_end_in_order(unit, turned):
    (call,) = commands()[unit]
    call = replaced(call, {"/srv/%i": turned})
    if call[0] == "serve":
        call += ["--port", "0"]  # the usual one may be taken here
    with running(["anchorhold", *call]) as process:
        first = process.stdout if call[0] == "watch" else process.stderr
        assert first.readline()


def test_the_step_of_the_workflow_tells_what_the_status_means(turned, tmp_path):
    (tmp_path / "anchorhold").write_text(f'#!/bin/sh\nexec {sys.executable} -m pipeline "$@"\n')
    (tmp_path / "anchorhold").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    for place, status, said in (
        (turned, 0, "done\n"),
        (tmp_path / "nowhere", 2, "failed with status 2; the next run resumes\n"),
    ):
        (text,) = replaced([script("Run one cycle")], {"support-search": place})
        summary = tmp_path / f"{status}.md"
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", text],
            cwd=tmp_path, env=environment(PATH=path, GITHUB_STEP_SUMMARY=str(summary)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert summary.read_text() == said


@contextmanager
def composition(space):
    """Start PostgreSQL and the MLflow server of compose.yaml; give what their names are here."""
    with running_postgres() as postgres:
        postgres.create("anchorhold")
        postgres.create("mlflow")  # as the next line says
        assert "CREATE DATABASE mlflow;" in compose()["configs"]["databases"]["content"]
        address = f"postgresql://tester:hidden@/{{}}?host={postgres.folder}"
        files = space.parent / "files"
        files.mkdir()
        places = {
            "postgresql://anchorhold@postgres/mlflow": address.format("mlflow"),
            "postgresql://anchorhold@postgres/anchorhold": address.format("anchorhold"),
            "http://mlflow:": "http://127.0.0.1:",
            "/srv/mlflow": files,
            "0.0.0.0": "127.0.0.1",
            "5000": free_port(),
            "8080": free_port(),
            "/workspace": space,
        }
        service = compose()["services"]["mlflow"]
        command = [*service["entrypoint"], *service["command"]]
        quiet = {name: value for name, value in service["environment"].items() if name[0] == "M"}
        with running(replaced(command, places), **quiet):
            check = service["healthcheck"]["test"][1:]
            wait_for(lambda: is_healthy(check, places), PATIENCE)
            yield places


def test_the_composition_runs_cycles_and_serves(tmp_path, tiny_model, empty_tracking_store):
    space = make_workspace(tmp_path / "space", tiny_model, empty_tracking_store)
    shutil.rmtree(space / ".anchorhold")
    let_travel_arrive(space)
    with composition(space) as places:
        text = (DEPLOY / "anchorhold.toml").read_text(encoding="utf-8")
        (text,) = replaced([text], places)
        base = '"sentence-transformers/all-MiniLM-L6-v2"'
        (space / "anchorhold.toml").write_text(
            text.replace(base, f"{json.dumps(str(tiny_model))}\nmax_length = 32")
        )
        keys = {"ANCHORHOLD_TOKEN": "secret"}
        (cycle,) = commands()["run.yaml"]
        status, out, errors = run(["anchorhold", *replaced(cycle, places)])
        assert status == 0, errors
        assert json.loads(out)["outcome"] == "bootstrapped"

        services = compose()["services"]
        watch = replaced(services["watch"]["command"], places)
        with running(["anchorhold", *watch]) as watching:
            told = (json.loads(line) for line in watching.stdout)
            ended = next(each for each in told if each["event"] in ("run", "failed"))
            assert ended["result"]["cycle"] == "0002", ended

        serve = replaced(services["serve"]["command"], places)
        assert serve == replaced(commands()["serve.yaml"][0], places)
        words = last(dockerfile()["service"], "HEALTHCHECK").partition("CMD ")[2]
        check = json.loads(words)
        assert not is_healthy(check, places), "before the service has started"
        with running(["anchorhold", *serve], **keys):
            wait_for(lambda: is_healthy(check, places), PATIENCE)
            address = f"http://127.0.0.1:{places['8080']}"
            asked = {"model": "support-search", "input": ["where is my card"]}
            refused = httpx.post(f"{address}/v1/embeddings", json=asked)
            assert refused.status_code == 401
            bearer = {"Authorization": "Bearer secret"}
            answer = httpx.post(f"{address}/v1/embeddings", json=asked, headers=bearer)
            assert len(answer.json()["data"][0]["embedding"]) == 16


def test_the_image_installs_from_what_it_copies_and_its_commands_begin(tmp_path):
    stage = dockerfile()["built"]
    for place in copied(stage):
        for file in tracked(place):
            (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, tmp_path / "source" / file)
    venv.create(tmp_path / "made", with_pip=True)
    # The packages of this environment are there already, as a layer of the image would have them.
    (site,) = (tmp_path / "made" / "lib").glob("python*/site-packages")
    (site / "here.pth").write_text(str(Path(httpx.__file__).parents[1]))
    programs = tmp_path / "made" / "bin"
    install = last(stage, "RUN").partition(" pip install")[2]
    extras = next(value for name, value in stage if value.startswith("EXTRAS="))
    words = shlex.split(install.replace("${EXTRAS}", extras.removeprefix("EXTRAS=")))
    subprocess.run([programs / "pip", "install", *words], cwd=tmp_path / "source", check=True)
    image = dockerfile()["anchorhold"]
    (entrypoint,) = json.loads(last(image, "ENTRYPOINT"))
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for call in (json.loads(last(image, "CMD")), ["settings", "--workspace", str(tmp_path)]):
        told = subprocess.run(
            [programs / entrypoint, *call],
            cwd=tmp_path, env=plain, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "--help" in told.stdout or "[model]" in told.stdout
    place = [programs / "python", "-c", "import pipeline; print(pipeline.__file__)"]
    found = subprocess.run(
        place, cwd=tmp_path, env=plain, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path / "made")
