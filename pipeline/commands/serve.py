"""`anchorhold serve`: vectors and search over HTTP."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import say, show
from pipeline.commands.process import let_idle_threads_sleep, opened, stop_on_signals, wait


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
        stop = stop_on_signals(second_ends=True)
        result = work.serve(host=host, port=port, stop=stop, tell=_tell)
    show(result, as_json)


def _tell(address: str) -> None:
    wait()
    say(f"serving at {address}  ({address}/openapi.json; stop with Ctrl-C)")
