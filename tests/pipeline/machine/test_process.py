"""A process is known by its number, its boot and its start, however the clock is set."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from pipeline.machine import lives, this_process


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def described(code: str) -> dict[str, str]:
    """Return what another process says of itself while it still lives."""
    return dict(zip(("host", "process", "process_started"), code.split("|"), strict=True))


def test_a_live_process_lives_for_itself_and_for_others():
    code = "from pipeline.machine import this_process; print('|'.join(this_process().values()))"
    code += "; import sys; sys.stdout.flush(); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    owner = described(process.stdout.readline().strip())
    assert lives(this_process())
    assert lives(owner)
    process.communicate("")
    assert not lives(owner)


def test_a_killed_process_that_nobody_collected_is_dead(child):
    owner = {"process": str(child.pid), "process_started": ""}
    assert lives(owner)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.pid_exists(child.pid)
    assert not lives(owner)


@pytest.mark.parametrize(
    "change",
    [
        lambda boot, began: f"another boot:{began}",
        lambda boot, began: f"{boot}:{float(began) - 60:.2f}",
        lambda boot, began: f"{boot}:unknown",
    ],
)
def test_a_later_process_of_the_same_number_is_another(change):
    boot, _, began = this_process()["process_started"].rpartition(":")
    assert not lives({**this_process(), "process_started": change(boot, began)})


@pytest.mark.parametrize("seconds", [-86_400.0, 3.0])
def test_a_clock_that_is_set_kills_nobody(monkeypatch, seconds):
    owner = this_process()
    create_time, boot_time = psutil.Process.create_time, psutil.boot_time
    # On Linux the time of the boot follows the clock, and with it the start of all processes.
    moved = seconds if psutil.LINUX else 0.0
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + moved)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + seconds)
    assert lives(owner)


def test_a_process_without_a_number_is_taken_for_alive():
    assert lives({"process": "", "process_started": ""})
    assert lives({})


def test_a_number_that_no_process_has_is_dead():
    assert not lives({"process": "99999999999999", "process_started": ""})
