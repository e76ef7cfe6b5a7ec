"""`anchorhold export`: the model folder of a version."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, DryRun, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def export(
    version: Annotated[str, typer.Argument(help="Version or alias, such as champion.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    workspace: Folder = HERE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write the plain sentence-transformers folder of a version."""
    with opened(workspace) as work:
        exported = work.export(version, directory, dry_run=dry_run)
    show(exported, as_json)
