"""`anchorhold init`: a new workspace."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pipeline.commands.options import AsJson, DryRun
from pipeline.commands.output import show

if TYPE_CHECKING:
    from pipeline.workspace.new_workspace import Proxies


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")],
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="Folder or file of your data: guess what it holds and name it in the settings; "
            "repeatable.",
        ),
    ] = None,
    proxies: Annotated[
        Literal["refuse", "allow"] | None,
        typer.Option("--proxies", help="Whether a promotion may rest on evidence without labels."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a workspace: a commented anchorhold.toml and the folders for data.

    With --from, the settings name your files where they are; none is copied or changed.
    """
    from pipeline.operations import Workspace

    ask = _ask if sys.stdin.isatty() and sys.stderr.isatty() and not as_json else None
    made = Workspace.create(directory, sources or (), proxies=proxies, ask=ask, dry_run=dry_run)
    show(made, as_json)


def _ask() -> "Proxies":
    """Ask a person at a terminal."""
    allowed = typer.confirm(
        "There are no labels in this data. May a version be promoted on evidence without labels "
        "(documents, served log), stamped as such?",
        default=False,
        err=True,
    )
    return "allow" if allowed else "refuse"
