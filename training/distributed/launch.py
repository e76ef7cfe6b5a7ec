"""The launch: several ranks started by torch's own launcher, watched, and ended with the parent."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from training.faults import DataFault, NoEmbedding, NonFiniteLoss
from training.progress import Progress

JOB = "job.json"
"""File in the folder of a job that says what its ranks are to do."""
FAULTS = {kind.__name__: kind for kind in (DataFault, NoEmbedding, NonFiniteLoss)}
"""Faults of a rank that its parent raises again; of anything else it shows the traceback."""
_EARLY = "the processes of the training ended early"
_TAIL = 2000  # characters of the ranks' log that are shown when they do not say why they ended

logger = logging.getLogger(__name__)

Launcher = Callable[..., None]
"""What starts the ranks of a job: `launch`, or an engine's method of this name."""


def launch(
    worker: str,
    job: Mapping[str, Any],
    folder: Path,
    processes: int,
    *,
    progress: Progress,
    on_step: Callable[[int], None] | None,
) -> None:
    """Run a job in several processes on this machine, and return when all have ended.

    Parameters
    ----------
    worker
        Name of the module that each process runs, with `folder` as its argument. It must read the
        job, end when its standard input is closed, and report by lines of JSON.
    job
        What to do, as JSON values.
    folder
        Folder for the working files of the job. It holds training text and is removed at the end.
    processes
        How many processes to start.
    progress, on_step
        Called with what the first rank reports.

    Raises
    ------
    DataFault, NonFiniteLoss
        What a rank raised.
    RuntimeError
        A rank ended otherwise; the message holds the end of its log.
    """
    import torch

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
    package = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // processes)),
        "PYTHONPATH": os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])]),
        # Files in the current folder must not be taken for modules.
        "PYTHONSAFEPATH": "1",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}", "-m", worker, str(folder),
    ]  # fmt: skip
    log = folder / "ranks.log"
    fault = None
    try:
        # Leaving the context closes the standard input that the ranks watch: this ends them,
        # whatever goes wrong here.
        with (
            log.open("w", encoding="utf-8") as errors,
            subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                encoding="utf-8",
            ) as launcher,
            ExitStack() as bars,
        ):
            events = (json.loads(line) for line in launcher.stdout or ())
            fault = follow(events, bars, progress, on_step)
        if fault is None and launcher.returncode:
            tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            fault = RuntimeError(f"{_EARLY}:\n{tail}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if fault is not None:
        raise fault


def follow(
    events: Iterable[Mapping[str, Any]],
    bars: ExitStack,
    progress: Progress,
    on_step: Callable[[int], None] | None,
) -> Exception | None:
    """Show what the ranks report until they have ended; return what they raised."""
    faults: list[Exception] = []
    step: Callable[[int], object] = int
    for event in events:
        if "begin" in event:
            step = bars.enter_context(progress(*event["begin"]))
        elif "done" in event:
            step(event["done"])
        elif "end" in event:
            bars.close()
        elif "log" in event:
            logger.log(*event["log"])
        elif "step" in event and on_step is not None:
            on_step(event["step"])
        elif "fault" in event:
            kind, message = event["fault"]
            known = FAULTS.get(kind)
            faults.append(known(message) if known else RuntimeError(f"{_EARLY}:\n{message}"))
    # When one rank fails the others fail too, because they cannot reach it.
    causes = [fault for fault in faults if type(fault) in FAULTS.values()]
    return next(iter(causes or faults), None)
