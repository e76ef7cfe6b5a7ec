"""The worker: one rank of a training that `FineTune.fit` started on several processes."""

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

from training.distributed import FAULTS, JOB, rank

# A pipe takes a line of up to 4096 bytes whole, so that the lines of two ranks do not mix.
_LINE = 900  # characters of a text, each of up to four bytes


def main() -> None:
    """Train as one rank, and tell the parent by lines of JSON on standard output."""
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    tell = _teller()
    try:
        _fit(json.loads((Path(sys.argv[1]) / JOB).read_text(encoding="utf-8")), tell)
    except Exception as fault:
        kind = type(fault).__name__
        tell({"fault": [kind, (str(fault) if kind in FAULTS else traceback.format_exc())[-_LINE:]]})
        sys.exit(1)


def _die_with_the_parent() -> None:
    """End this process when the parent ends.

    Standard input is a pipe that only the parent holds open. The kernel closes it however the
    parent dies, so no rank lives on and writes checkpoints beside those of the next training; a
    watched process id could meanwhile belong to another process.
    """
    while os.read(0, 1024):
        pass
    os._exit(1)


def _teller() -> Callable[[dict[str, Any]], None]:
    """Return what writes a line to the parent; anything else that is printed goes to the log."""
    lines = os.dup(1)
    os.dup2(2, 1)

    def tell(event: dict[str, Any]) -> None:
        os.write(lines, (json.dumps(event, ensure_ascii=False) + "\n").encode(errors="replace"))

    return tell


def _fit(job: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    from training.finetuning.finetune import FineTune
    from training.pairs import Mixture, Pair

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
        tell({"begin": [label, total]})
        yield lambda done: tell({"done": done})
        tell({"end": label})

    if rank() == 0:
        logger = logging.getLogger("training")
        logger.setLevel(logging.INFO)
        logger.addHandler(_Told(tell))
    FineTune(**job["settings"]).fit(
        Path(job["base"]),
        Mixture(
            tuple(Pair(**pair) for pair in job["pairs"]), tuple(job["from_memory"]), job["digest"]
        ),
        output=Path(job["output"]),
        checkpoints=Path(job["checkpoints"]),
        max_length=job["max_length"],
        cache=Path(job["cache"]) if job["cache"] else None,
        progress=progress,
        on_step=lambda number: tell({"step": number}),
    )


class _Told(logging.Handler):
    """Hands what is logged to the parent."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record."""
        self._tell({"log": [record.levelno, record.getMessage()[:_LINE]]})


if __name__ == "__main__":
    main()
