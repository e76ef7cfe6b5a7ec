"""A real MLflow server for tests, on loopback, with a database and a proxied folder of files."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE = 120


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class MlflowServer:
    """An MLflow server that can be killed and started again at its address.

    Attributes
    ----------
    backend
        URI of its database.
    folder
        Keeps the files of runs, which clients reach through the server alone, and its output.
    """

    backend: str
    folder: Path
    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        places = ["--backend-store-uri", self.backend]
        places += ["--artifacts-destination", (self.folder / "files").as_uri()]
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        quiet = {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "OMP_NUM_THREADS": "1",
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *places, *address],
                env={**os.environ, **quiet},
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        log_text = (self.folder / "server.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"the MLflow server did not start: {log_text[-2000:]}")

    def kill(self) -> None:
        """Kill it and all that it started, as a crash would."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def running_mlflow(backend: str, folder: Path) -> Iterator[MlflowServer]:
    """Start a server, and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = MlflowServer(backend, folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
