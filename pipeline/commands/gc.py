"""`anchorhold gc`: delete old versions, cycles, trainings and caches."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would go, what stays and why.")
    ] = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Delete old versions, cycles, trainings and caches, as [keep] in the settings says.

    What is in use always stays, and so does the record of what happened. A run does the same at
    its end. What a killed gc left is deleted by the next one.
    """
    with opened(workspace, writes=not dry_run) as work:
        done = work.gc(dry_run=dry_run)
    show(done, as_json)
