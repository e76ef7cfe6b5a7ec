"""`anchorhold restore`: the workspace of a backup in a new folder."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands import voice
from pipeline.commands.options import AsJson
from pipeline.commands.output import show
from pipeline.commands.process import at_work


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `anchorhold backup` wrote.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="The new workspace, a new or empty folder; default: the name that it had.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check every file of the backup.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the workspace of a backup, here or elsewhere: all of it, checked, or nothing.

    The same version serves, and the next `anchorhold run` does what it would have done: it finishes
    a cycle that was running.
    """
    with at_work():
        from pipeline.operations import Workspace
        from pipeline.reports.progress import progress_for

        progress = progress_for(voice.is_quiet())
        done = Workspace.restore(file, folder, progress=progress, dry_run=dry_run)
    show(done, as_json)
