"""`anchorhold backtest`: the triggers on past windows."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def backtest(
    windows: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Files of texts, one window per file; default: the past cycles.",
        ),
    ] = None,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Replay past windows through triggers and policy: false alarms, misses, delay."""
    with opened(workspace) as work:
        found = work.backtest(windows)
    show(found, as_json)
