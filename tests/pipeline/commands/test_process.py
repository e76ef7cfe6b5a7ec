"""What a command changes in its process, and that an interruption ends in a sentence."""

import os
import signal
import sys

import pytest
import typer

from pipeline.commands.process import at_work, keep_temporary_files_in, opened

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


def test_temporary_files_are_kept_in_the_workspace_by_commands_that_write(workspace, tmp_path):
    before = os.environ["TMPDIR"]
    with opened(workspace):
        assert os.environ["TMPDIR"] == before
    with opened(workspace, writes=True):
        assert os.environ["TMPDIR"] == str(workspace / ".anchorhold" / "tmp")
    keep_temporary_files_in(tmp_path / "state")
    assert (tmp_path / "state" / "tmp").is_dir()
