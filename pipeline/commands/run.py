"""`anchorhold run`: one cycle."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, OUTCOME_STATUS, AsJson, DryRun, ExitCode, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def run(
    workspace: Folder = HERE,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="Training strategy to try, or 'all'; repeatable."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", help="Seed to try each strategy with; repeatable."),
    ] = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Begin with the champion of another workspace."),
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    exit_code: ExitCode = False,
) -> None:
    """Run one cycle, or resume an interrupted one.

    With --exit-code: 4 rejected, 5 inconclusive, 6 insufficient_data, 7 blocked.
    """
    if dry_run:
        if strategy or seed or adopt:
            raise typer.BadParameter("--dry-run takes no --strategy, --seed or --adopt")
        with opened(workspace) as work:
            estimate = work.run_estimate()
        show(estimate, as_json)
        return
    with opened(workspace, writes=True) as work:
        result = work.run(strategy, seeds=seed, adopt=adopt)
    show(result, as_json)
    if exit_code:
        raise typer.Exit(OUTCOME_STATUS.get(result.outcome, 0))
