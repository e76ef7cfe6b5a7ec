"""`anchorhold candidate`: another encoder, through the same gate."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, OUTCOME_STATUS, AsJson, ExitCode, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def candidate(
    model: Annotated[
        str, typer.Argument(help="Folder or hub id of a sentence-transformers model.")
    ],
    workspace: Folder = HERE,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what the gate would say; nothing is stored."),
    ] = False,
    as_json: AsJson = False,
    exit_code: ExitCode = False,
) -> None:
    """Take another encoder through the gate, and promote it if it passes.

    It is measured on everything that a trained candidate is measured on, and trained on nothing.
    With --exit-code: 4 rejected, 5 inconclusive.
    """
    with opened(workspace, writes=not dry_run) as work:
        result = work.candidate(model, dry_run=dry_run)
    show(result, as_json)
    if exit_code:
        raise typer.Exit(OUTCOME_STATUS.get(result.outcome, 0))
