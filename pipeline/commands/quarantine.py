"""`anchorhold quarantine`: the records that intake refused, with their reasons."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def quarantine(
    file: Annotated[
        str | None, typer.Option("--file", help="Only those of this file, as it is listed.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="How many records are listed, newest first.")
    ] = 20,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """List refused records with file, line and reason, and how many were read and stored."""
    with opened(workspace) as work:
        found = work.quarantine(file, limit=limit)
    show(found, as_json)
