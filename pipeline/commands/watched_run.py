"""One cycle in a process of its own, as `anchorhold watch` starts it: what it asks and answers.

It reads one JSON object with the workspace and the text of its settings, and prints one with the
result, or with the fault.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType


def _stop_once(_number: int, _frame: FrameType | None) -> None:
    """Treat the first stop like Ctrl-C; a service manager may send a second to every process."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Run the cycle."""
    from pipeline.commands.process import at_work, temporary_files_in
    from pipeline.reports.progress import progress_bar
    from training.faults import AnchorholdError

    asked = json.load(sys.stdin)
    # Only the answer may use the pipe: what libraries print goes to the messages.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with at_work():
        signal.signal(signal.SIGTERM, _stop_once)
        from pipeline.operations import Workspace
        from pipeline.operations.circumstances import clock_of
        from pipeline.workspace import load_settings

        try:
            settings = load_settings(Path(asked["workspace"]), asked["settings"].encode())
            with temporary_files_in(settings.state):
                result = Workspace(settings, progress_bar, clock_of(None)).run()
            told: dict[str, object] = {"result": result.to_json()}
        except AnchorholdError as fault:
            told = {"fault": str(fault), "kind": type(fault).__name__}
        except KeyboardInterrupt:
            sys.exit(130)  # nothing is lost: the next cycle goes on
        with answer:
            json.dump(told, answer, allow_nan=False)
