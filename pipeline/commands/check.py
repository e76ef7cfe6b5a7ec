"""`anchorhold check`: whether training is called for, and why."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import (
    BLOCKED,
    HERE,
    NOTHING_TO_LEARN_FROM,
    TRAINING_CALLED_FOR,
    AsJson,
    ExitCode,
    Folder,
)
from pipeline.commands.output import show
from pipeline.commands.process import opened


def check(
    workspace: Folder = HERE,
    traffic: Annotated[
        Path | None,
        typer.Option("--traffic", help="Check the texts of this file instead of the stored ones."),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option("--pairs", help="Check the pairs of this file instead of the stored ones."),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Check the lines of this log instead of the stored ones."),
    ] = None,
    as_json: AsJson = False,
    exit_code: ExitCode = False,
) -> None:
    """Check for drift: say whether training is called for, and why; nothing is stored.

    With --exit-code: 3 if training is called for, 6 if it is called for but there is nothing to
    learn from, 7 if it is blocked.
    """
    with opened(workspace) as work:
        decision = work.check(traffic, pairs, log)
    show(decision, as_json)
    if exit_code and decision.blocked_by:
        raise typer.Exit(BLOCKED)
    if exit_code and decision.train:
        raise typer.Exit(NOTHING_TO_LEARN_FROM if decision.shortage else TRAINING_CALLED_FOR)
