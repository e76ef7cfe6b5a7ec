"""`anchorhold init`: a new workspace."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import AsJson
from pipeline.commands.output import show


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")],
    as_json: AsJson = False,
) -> None:
    """Make a workspace: a commented anchorhold.toml and the folders for data."""
    from pipeline.operations import Workspace

    show(Workspace.create(directory), as_json)
