"""The launch: several ranks started by torch's own launcher, watched, and ended with us."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from training.faults import DataFault, NonFiniteLoss
from training.progress import Progress

JOB = "job.json"
"""File in a job's folder that says what its ranks are to train."""
FAULTS = {kind.__name__: kind for kind in (DataFault, NonFiniteLoss)}
"""What a rank may raise that its parent raises again; of anything else the traceback is told."""
_EARLY = "the processes of the training ended early"
_TAIL = 2000  # characters of the ranks' log that are shown when they do not say why they ended

logger = logging.getLogger(__name__)


def launch(
    job: Mapping[str, Any],
    folder: Path,
    processes: int,
    *,
    progress: Progress,
    on_step: Callable[[int], None] | None,
) -> None:
    """Run a job on so many processes of this machine, and return when all have ended.

    Parameters
    ----------
    job
        What `training.worker` is to do, as JSON values.
    folder
        Folder for the job's own files; it holds training text and is removed at the end.

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
        # Files of the folder we happen to be in are no modules.
        "PYTHONSAFEPATH": "1",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}", "-m", "training.finetuning.worker", str(folder),
    ]  # fmt: skip
    log = folder / "ranks.log"
    fault = None
    try:
        # Leaving the context closes the standard input that the ranks watch: whatever goes wrong
        # here ends them, see training/worker.py.
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
            fault = _follow(launcher, bars, progress, on_step)
        if fault is None and launcher.returncode:
            tail = log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            fault = RuntimeError(f"{_EARLY}:\n{tail}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if fault is not None:
        raise fault


def _follow(
    launcher: "subprocess.Popen[str]",
    bars: ExitStack,
    progress: Progress,
    on_step: Callable[[int], None] | None,
) -> Exception | None:
    """Show what the ranks tell until they have ended; return what they raised."""
    faults: list[Exception] = []
    step: Callable[[int], object] = int
    for line in launcher.stdout or ():
        event = json.loads(line)
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
    # A rank whose neighbour failed fails too, for want of a neighbour.
    causes = [fault for fault in faults if type(fault) in FAULTS.values()]
    return next(iter(causes or faults), None)
