"""`anchorhold compare`: versions side by side."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def compare(
    versions: Annotated[
        list[str],
        typer.Argument(
            help="Versions, champion, candidate, previous or origin; the first is the baseline."
        ),
    ],
    workspace: Folder = HERE,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the comparison to this page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare versions on every task: means, differences with bounds, and what got worse."""
    with opened(workspace) as work:
        found = work.compare(*versions, page=html)
    show(found, as_json)
