"""Commands in processes of their own that have everything imported: a call takes milliseconds."""

import io
import multiprocessing
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["__main__", "ready_process_imports"])


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    arguments: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def answers(
    calls: Sequence[Sequence[str]], first: Callable[[], None] | None = None
) -> list[Answer]:
    """Call commands one after another in one new process, and return what each said.

    Parameters
    ----------
    calls
        The arguments of each command.
    first
        Is called in the new process before.
    """
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_call_all, args=(theirs, calls, first))
    process.start()
    theirs.close()
    found = []
    try:
        while len(found) < len(calls):
            found.append(ours.recv())
    except EOFError:
        raise AssertionError(f"the process died in {calls[len(found)]}") from None
    finally:
        process.join()
    return found


def _call_all(connection, calls, first) -> None:
    if first is not None:
        first()
    for arguments in calls:
        connection.send(called(arguments))


def called(arguments: Sequence[str]) -> Answer:
    """Call a command in this process."""
    from pipeline.commands.cli import main

    before, sys.argv = sys.argv, ["anchorhold", *arguments]
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        except BaseException:
            status = -1
            err.write(traceback.format_exc())
        finally:
            sys.argv = before
    return Answer(tuple(arguments), status, out.getvalue(), err.getvalue())
