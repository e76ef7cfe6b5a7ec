"""What a terminal shows while a command works; a file or another program is shown nothing."""

import os
import subprocess
import sys

import pytest

CODE = """
import sys, time
from pipeline.reports.progress import activity, end_activity, progress_bar
with activity(quiet=len(sys.argv) > 1):
    time.sleep(0.2)
    with progress_bar("encode", 8) as step:
        for _ in range(4):
            step(2)
            time.sleep(0.06)
    with progress_bar("judge", 0) as step:
        step(1)
        time.sleep(0.2)
    print("a message", file=sys.stderr)
    end_activity()
"""


def on_a_terminal(*arguments):
    """Return what a terminal receives on stderr, and what is on stdout."""
    leader, follower = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CODE, *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    ) as running:
        os.close(follower)
        parts = []
        try:
            while part := os.read(leader, 65536):
                parts.append(part)
        except OSError:  # the other end is closed
            pass
        out = running.stdout.read()
    os.close(leader)
    assert running.returncode == 0
    return b"".join(parts).decode(), out


def test_a_terminal_is_shown_that_a_command_works_how_far_it_is_and_the_time_left():
    shown, out = on_a_terminal()
    assert "working" in shown
    assert "for 0:00:00" in shown
    assert "encode" in shown
    assert "8/8" in shown
    assert "left" in shown
    assert "judge" in shown, "a part of unknown length is named"
    assert shown.count("a message") == 1
    assert out == b""


def test_a_quiet_command_shows_only_its_messages():
    shown, _ = on_a_terminal("quiet")
    assert "working" not in shown
    assert "a message" in shown


@pytest.mark.parametrize("quiet", [True, False])
def test_without_a_terminal_nothing_is_shown(quiet):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *(["quiet"] if quiet else [])], capture_output=True, check=True
    )
    assert done.stderr == b"a message\n"
    assert done.stdout == b""
