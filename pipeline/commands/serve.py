"""`anchorhold serve`: vectors and search over HTTP."""

import os
import signal
import threading
from types import FrameType
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import say, show
from pipeline.commands.process import let_idle_threads_sleep, opened


def serve(
    workspace: Folder = HERE,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen at; default: serve.host.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port; 0: any; default: serve.port.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve vectors and search over HTTP with the champion, until Ctrl-C or SIGTERM.

    A promotion or rollback is followed within seconds, without a failed request. An address that
    other machines can reach needs a token in the environment variable that serve.token names.
    """
    let_idle_threads_sleep()
    with opened(workspace) as work:
        stop = threading.Event()
        _stop_on_signals(stop)
        result = work.serve(host=host, port=port, stop=stop, tell=_tell)
    show(result, as_json)


def _tell(address: str) -> None:
    say(f"serving at {address}  ({address}/openapi.json; stop with Ctrl-C)")


def _stop_on_signals(stop: threading.Event) -> None:
    """Let the first signal end the serving in order, and the second one at once."""

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
