"""What a command changes in its process, and that an interruption ends in a sentence."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest
import typer

from pipeline.commands.process import at_work, opened, temporary_files_in

pytestmark = pytest.mark.usefixtures("restored_process")


def test_what_is_printed_at_work_goes_to_stderr(capsys):
    with at_work():
        print("a library's greeting")  # noqa: T201
    told = capsys.readouterr()
    assert told.out == ""
    assert "greeting" in told.err


def test_a_stop_signal_ends_with_a_sentence_and_status_130(capsys):
    with pytest.raises(typer.Exit) as end, at_work():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert end.value.exit_code == 130
    assert "interrupted" in capsys.readouterr().err
    assert sys.stdout is not sys.stderr


def test_mlflow_sends_no_telemetry_from_a_command(monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    with at_work():
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert os.environ["DO_NOT_TRACK"] == "1"


def test_temporary_files_of_commands_that_write_are_in_the_workspace_and_go(workspace):
    before, place = os.environ["TMPDIR"], workspace / ".anchorhold" / "tmp"
    with opened(workspace):
        assert os.environ["TMPDIR"] == before
    with opened(workspace, writes=True):
        assert Path(os.environ["TMPDIR"]).parent == place
        assert Path(tempfile.mkdtemp()).parent.parent == place
    assert not [*place.iterdir()]
    assert os.environ["TMPDIR"] == before


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_temporary_files_of_a_killed_command_are_removed_by_the_next(tmp_path):
    process = os.fork()
    if process == 0:
        with temporary_files_in(tmp_path):
            tempfile.mkdtemp()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    assert [*(tmp_path / "tmp").iterdir()]
    with temporary_files_in(tmp_path):
        assert len([*(tmp_path / "tmp").iterdir()]) == 1
    assert not [*(tmp_path / "tmp").iterdir()]
