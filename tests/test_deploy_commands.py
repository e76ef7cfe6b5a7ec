"""The commands of cron and systemd in examples/deploy, run with the paths of this machine."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from deploy_files import ROOT, commands

pytestmark = pytest.mark.slow

PATIENCE = 240
"""Seconds: other work may take the processors."""


def started(arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@contextmanager
def running(arguments):
    """Run a command until the block ends; it must end in order then."""
    process = started(arguments)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(arguments):
    process = started(arguments)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def replaced(words, places):
    """Return the words with the names of a deployment replaced by those of this machine."""
    found = []
    for word in words:
        for name, here in places.items():
            word = word.replace(name, str(here))
        found.append(word)
    return found


def test_the_commands_of_cron_and_systemd_run_in_a_workspace(turned):
    places = {"/srv/support-search": turned, "/srv/%i": turned}
    calls = [call for name in ("crontab", "anchorhold-run@.service") for call in commands()[name]]
    told = []
    for call in calls:
        status, out, errors = run(replaced(call, places))
        assert status == 0, errors
        told.append(json.loads(out))
    assert [each.get("outcome") for each in told] == ["quiet", None, "quiet"]


@pytest.mark.parametrize("unit", ["anchorhold-watch@.service", "anchorhold-serve@.service"])
def test_the_services_of_systemd_end_in_order(unit, turned):
    (call,) = commands()[unit]
    call = replaced(call, {"/srv/%i": turned})
    if call[0] == "serve":
        call += ["--port", "0"]  # the usual one may be taken here
    with running(call) as process:
        first = process.stdout if call[0] == "watch" else process.stderr
        assert first.readline()
