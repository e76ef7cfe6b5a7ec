"""`anchorhold promote`: a champion chosen by hand."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, By, DryRun, Folder, Reason
from pipeline.commands.output import show
from pipeline.commands.process import opened


def promote(
    version: Annotated[str, typer.Argument(help="Version or alias.")],
    reason: Reason,
    workspace: Folder = HERE,
    force: Annotated[
        bool, typer.Option("--force", help="Also if it did not pass the gate.")
    ] = False,
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a version the champion by hand; the history keeps who did it and why."""
    with opened(workspace, writes=not dry_run) as work:
        move = work.promote(version, reason=reason, force=force, who=by, dry_run=dry_run)
    show(move, as_json)
