"""`anchorhold rollback`: back to a champion that served before."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, By, DryRun, Folder, Reason
from pipeline.commands.output import show
from pipeline.commands.process import opened


def rollback(
    version: Annotated[str | None, typer.Argument(help="A version that served before.")] = None,
    workspace: Folder = HERE,
    reason: Reason = "rolled back by hand",
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Return to the previous champion, or to a given version, with its memory and reference."""
    with opened(workspace, writes=not dry_run) as work:
        move = work.rollback(version, reason=reason, who=by, dry_run=dry_run)
    show(move, as_json)
