"""`anchorhold report`: where the page of a cycle is, or one page about all of them."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def report(
    cycle: Annotated[
        str | None, typer.Argument(help="Cycle, such as 0003; default: the last.")
    ] = None,
    workspace: Folder = HERE,
    all_cycles: Annotated[
        bool, typer.Option("--all", help="Write one page about all cycles, and say where it is.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check the signature with the key in the environment; 2 if it fails."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say where the HTML report of a finished cycle is, or write one page about all cycles."""
    if all_cycles and cycle is not None:
        raise typer.BadParameter("--all is about all cycles; leave out the cycle")
    if all_cycles and verify:
        raise typer.BadParameter("--verify is about the report of one cycle; leave out --all")
    from pipeline.results import ReportResult

    with opened(workspace) as work:
        found = work.report_all() if all_cycles else work.report(cycle, verify=verify)
    show(found, as_json)
    if verify and isinstance(found, ReportResult):
        fails = found.signature and found.signature.state == "does not match"
        raise typer.Exit(2 if fails else 0)
