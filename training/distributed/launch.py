"""The launch: several ranks started by torch's own launcher, watched, and ended with the parent."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from training.faults import DataFault, NoEmbedding, NonFiniteLoss
from training.progress import Progress

JOB = "job.json"
"""File in the folder of a job that says what its ranks are to do."""
FAULTS = {kind.__name__: kind for kind in (DataFault, NoEmbedding, NonFiniteLoss)}
"""Faults of a rank that its parent raises again; of anything else it shows the traceback."""
_EARLY = "the processes of the training ended early"
_TAIL = 2000  # characters of the ranks' log that are shown when they do not say why they ended

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RankJob:
    """A job that several ranks do together.

    Attributes
    ----------
    worker
        Name of the module that does it as one rank; its `train` takes the values and a report.
    values
        What to do, as JSON values.
    folder
        Folder for the working files of the job. It holds training text and is removed at the end.
    processes
        How many ranks.
    """

    worker: str
    values: Mapping[str, Any]
    folder: Path
    processes: int

    @contextmanager
    def files(self) -> Iterator[None]:
        """Keep the folder, with the values in the file `JOB`, while the block runs."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        try:
            (self.folder / JOB).write_text(json.dumps(self.values), encoding="utf-8")
            yield
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Launcher(Protocol):
    """What starts the ranks of a job and returns when all have ended."""

    def __call__(
        self, job: RankJob, *, progress: Progress, on_step: Callable[[int], None] | None
    ) -> None:
        """Do a job.

        Parameters
        ----------
        job
            The job.
        progress, on_step
            Called with what the first rank reports.

        Raises
        ------
        DataFault, NonFiniteLoss
            What a rank raised.
        """


def launch(job: RankJob, *, progress: Progress, on_step: Callable[[int], None] | None) -> None:
    """Start the ranks of a job on this machine by torch's own launcher.

    Each process runs the module with the folder as its argument. The module must read the job, end
    when its standard input is closed, and report by lines of JSON.

    Parameters
    ----------
    job
        The job.
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

    package = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // job.processes)),
        "PYTHONPATH": os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])]),
        # Files in the current folder must not be taken for modules.
        "PYTHONSAFEPATH": "1",
    }
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1",
        f"--nproc-per-node={job.processes}", "-m", job.worker, str(job.folder),
    ]  # fmt: skip
    log = job.folder / "ranks.log"
    with job.files():
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
