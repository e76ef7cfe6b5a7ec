"""The worker: one rank of a training that `FineTune.fit` started in several processes."""

import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.acceleration import keep_freed_memory
from training.distributed import FAULTS, JOB, rank

# A pipe takes up to 4096 bytes at once, so that the lines of two ranks do not mix.
_LINE = 900  # characters of a text, each of up to four bytes


def main() -> None:
    """Train as one rank, and report to the parent by lines of JSON on standard output."""
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    report = _reporter()
    try:
        train(json.loads((Path(sys.argv[1]) / JOB).read_text(encoding="utf-8")), report)
    except Exception:
        sys.exit(1)


def train(given: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> None:
    """Train as one rank of a job.

    Parameters
    ----------
    given
        The job: settings of the training, and what it reads and writes, as JSON values.
    report
        Takes what the parent should know, also the fault that is then raised.
    """
    keep_freed_memory()
    try:
        _fit(given, report)
    except Exception as fault:
        kind = type(fault).__name__
        text = str(fault) if kind in FAULTS else traceback.format_exc()
        report({"fault": [kind, text[-_LINE:]]})
        raise


def _die_with_the_parent() -> None:
    """End this process when the parent ends.

    Standard input is a pipe that only the parent holds open. The kernel closes it however the
    parent dies, so that no rank lives on and writes checkpoints beside those of the next training.
    To watch the parent's process id would not do: another process may get the same id.
    """
    while os.read(0, 1024):
        pass
    os._exit(1)


def _reporter() -> Callable[[dict[str, Any]], None]:
    """Return what writes a line to the parent; anything else that is printed goes to the log."""
    lines = os.dup(1)
    os.dup2(2, 1)

    def report(event: dict[str, Any]) -> None:
        os.write(lines, (json.dumps(event, ensure_ascii=False) + "\n").encode(errors="replace"))

    return report


def _fit(given: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> None:
    from training.finetuning.finetune import FineTune
    from training.finetuning.job import Job

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        report({"begin": [label, total]})
        yield lambda done: report({"done": done})
        report({"end": label})

    if rank() == 0:
        logger = logging.getLogger("training")
        logger.setLevel(logging.INFO)
        logger.addHandler(_Reported(report))
    job = Job.from_json(given)
    FineTune(**given["settings"]).train(
        job, progress=progress, on_step=lambda number: report({"step": number})
    )


class _Reported(logging.Handler):
    """Passes log records on to the parent."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report one record."""
        self._report({"log": [record.levelno, record.getMessage()[:_LINE]]})


if __name__ == "__main__":
    main()
