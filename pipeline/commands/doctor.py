"""`anchorhold doctor`: whether a workspace can work, and what mends what cannot."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, ExitCode, Folder
from pipeline.commands.output import show
from pipeline.commands.process import at_work


def doctor(
    workspace: Folder = HERE,
    quick: Annotated[bool, typer.Option("--quick", help="Do not load the model.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First repair what can be repaired safely.")
    ] = False,
    as_json: AsJson = False,
    exit_code: ExitCode = False,
) -> None:
    """Check that the workspace can work tonight; each warning and problem names its remedy.

    Status 2 if there is a problem. With --exit-code: 3 if there are only warnings. Nothing is
    changed without --repair; an MLflow server gets a tag, to find out whether it takes one.
    """
    with at_work():
        from pipeline.operations import Workspace

        found = Workspace.doctor(workspace, quick=quick, repair=repair)
    show(found, as_json)
    if found.problems:
        raise typer.Exit(2)
    if found.warnings and exit_code:
        raise typer.Exit(3)
