"""`anchorhold report`: where the page of a cycle is."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def report(
    cycle: Annotated[
        str | None, typer.Argument(help="Cycle, such as 0003; default: the last.")
    ] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say where the HTML report of a finished cycle is."""
    with opened(workspace) as work:
        found = work.report(cycle)
    show(found, as_json)
