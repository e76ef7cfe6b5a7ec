"""`anchorhold discard`: records that learning and drift checks must not use."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, By, DryRun, Folder, Reason
from pipeline.commands.output import show
from pipeline.commands.process import opened


def discard(
    reason: Reason,
    cycle: Annotated[
        str | None, typer.Option("--cycle", help="The pairs that this cycle was the first to see.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="All stored records of this source.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="All stored records of this file.")
    ] = None,
    pair: Annotated[str | None, typer.Option("--id", help="The pair with this identifier.")] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Include again what was excluded by the same name.")
    ] = False,
    workspace: Folder = HERE,
    by: By = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Exclude records from learning and drift checks, or --undo that; nothing is deleted."""
    names = {"cycle": cycle, "source": source, "file": file, "pair": pair}
    with opened(workspace, writes=not dry_run) as work:
        done = work.discard(**names, reason=reason, undo=undo, who=by, dry_run=dry_run)
    show(done, as_json)
