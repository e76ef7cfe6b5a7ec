"""One cycle in a process of its own: started, waited for, stopped in order, and its answer read."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.machine.process import end_group
from pipeline.results import CycleResult

_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from pipeline.commands.watched_run import main; main()"
)
_ROOT = str(Path(__file__).resolve().parents[2])
# -P: a folder of the name of a package, where the watching was started, must not replace it.
COMMAND = (sys.executable, "-P", "-c", _START, _ROOT)
_PATIENCE = 15.0
"""Seconds that a cycle has to end in order; killing it after that loses nothing either."""
_BUSY = "WorkspaceBusy"


@dataclass(frozen=True)
class Answer:
    """How a cycle ended.

    Attributes
    ----------
    result
        The cycle; None where it could not be run to its end.
    fault
        Why not, in one sentence.
    busy
        Whether somebody else is using the workspace.
    stopped
        Whether it was stopped because it was asked to.
    """

    result: CycleResult | None = None
    fault: str = ""
    busy: bool = False
    stopped: bool = False


def run_apart(workspace: Path, settings: bytes, stop: threading.Event) -> Answer:
    """Run a cycle in another process, whose memory, crashes and kills are its own.

    Parameters
    ----------
    workspace
        Its folder.
    settings
        Text of the settings file that is in force.
    stop
        When it is set, the cycle is interrupted as by Ctrl-C.
    """
    asked = {"workspace": str(workspace), "settings": settings.decode("utf-8-sig")}
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        said: list[bytes] = []
        reading = threading.Thread(target=lambda: said.append(_read(process)), daemon=True)
        reading.start()
        with contextlib.suppress(OSError):  # it may have ended already
            assert process.stdin is not None
            with process.stdin:
                process.stdin.write(json.dumps(asked).encode())
        try:
            stopped = _wait(process, stop)
        except BaseException:
            _kill(process)
            raise
        reading.join(5)
    if process.returncode == 0:
        with contextlib.suppress(ValueError):
            return _answer(json.loads(b"".join(said)))
    if stopped:
        return Answer(stopped=True)
    return Answer(fault=_why(process.returncode))


def _read(process: "subprocess.Popen[bytes]") -> bytes:
    with contextlib.suppress(OSError, ValueError):
        return process.stdout.read() if process.stdout else b""
    return b""


def _wait(process: "subprocess.Popen[bytes]", stop: threading.Event) -> bool:
    """Wait for the end of a cycle; return whether it was asked to stop."""
    while process.poll() is None:
        if stop.wait(0.1):
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _PATIENCE
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            if process.poll() is None:
                _kill(process)
            return True
    return False


def _kill(process: "subprocess.Popen[bytes]") -> None:
    end_group(process)
    process.wait()


def _answer(told: dict[str, object]) -> Answer:
    if "result" in told:
        return Answer(result=CycleResult.model_validate(told["result"]))
    return Answer(fault=str(told["fault"]), busy=told["kind"] == _BUSY)


def _why(status: int) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        memory = ", perhaps out of memory" if -status == 9 else ""
        return f"the process of the cycle was ended by {name}{memory}; the next one resumes it"
    return f"the process of the cycle ended with status {status}; what it wrote says why"
