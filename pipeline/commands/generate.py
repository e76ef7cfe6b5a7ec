"""`anchorhold generate`: queries that a language model writes for documents."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def generate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell the cost; nothing is sent or stored.")
    ] = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the endpoint of [generate] for queries that documents answer, and keep the answers.

    `run` does this by itself where it has too few labelled pairs, and asks for nothing twice.
    """
    with opened(workspace, writes=not dry_run) as work:
        done = work.generate(dry_run=dry_run)
    show(done, as_json)
