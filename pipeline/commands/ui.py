"""`anchorhold ui`: pages about a workspace, on this machine only."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show, tell
from pipeline.commands.process import open_in_browser, opened, stop_on_signals, wait


def ui(
    workspace: Folder = HERE,
    port: Annotated[int, typer.Option("--port", help="Port; 0: any free one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show all cycles, their reports, the status and two versions on local pages, until Ctrl-C.

    The pages only read. They are for this machine only, and for who has their address.
    """
    with opened(workspace) as work:
        stop = stop_on_signals(second_ends=True)
        result = work.ui(port=port, stop=stop, tell=_tell)
    show(result, as_json)


def _tell(address: str) -> None:
    wait()
    tell(f"pages at {address}  (this machine only; stop with Ctrl-C)")
    open_in_browser(address)
