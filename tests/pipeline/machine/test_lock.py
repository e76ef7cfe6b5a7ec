"""The lock: one runner at a time, and a dead one holds nothing."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipeline.machine import WorkspaceBusy, hold_workspace

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOLDER = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from pipeline.machine import hold_workspace
with hold_workspace(Path(sys.argv[1]), doing="run", now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_runner_is_told_who_holds_the_workspace_since_when(tmp_path, other_process):
    expected = rf"`anchorhold run` \(process {other_process.pid} on .*it since 2026-01-02T03:04:05"
    with (
        pytest.raises(WorkspaceBusy, match=expected),
        hold_workspace(tmp_path, doing="check", now=NOW),
    ):
        pass


def test_a_killed_runner_holds_nothing(tmp_path, other_process):
    os.kill(other_process.pid, signal.SIGKILL)
    other_process.wait()
    with hold_workspace(tmp_path, doing="run", now=NOW):
        pass


def test_the_workspace_is_free_again_after_an_error_inside(tmp_path):
    with pytest.raises(KeyError), hold_workspace(tmp_path, doing="run", now=NOW):
        raise KeyError
    with hold_workspace(tmp_path, doing="run", now=NOW):
        pass
