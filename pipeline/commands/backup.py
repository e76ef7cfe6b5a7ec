"""`anchorhold backup`: the workspace of one moment in one file."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, DryRun, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The backup to write, such as backup.tar.")
    ],
    workspace: Folder = HERE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write the workspace into one file, also while a cycle runs.

    It holds the settings, the files that they name inside the workspace, the store, MLflow with the
    versions, and the cycles. What is on a server is named. Whoever has the file has the data.
    """
    with opened(workspace) as work:
        done = work.backup(file, dry_run=dry_run)
    show(done, as_json)
