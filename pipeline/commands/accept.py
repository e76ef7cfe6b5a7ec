"""`anchorhold accept`: drifted texts that are fine."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, By, DryRun, Folder, Reason
from pipeline.commands.output import show
from pipeline.commands.process import opened


def accept(
    reason: Reason = "accepted by hand",
    undo: Annotated[bool, typer.Option("--undo", help="Take the last acceptance back.")] = False,
    workspace: Folder = HERE,
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take the texts that the last run checked into the reference: they no longer count as drift.

    The champion stays the same version, and nothing is trained.
    """
    with opened(workspace, writes=not dry_run) as work:
        done = work.accept(reason=reason, undo=undo, who=by, dry_run=dry_run)
    show(done, as_json)
