"""`anchorhold index`: the index of the documents, built, listed, deleted and exported."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, DryRun, Folder
from pipeline.commands.output import show
from pipeline.commands.parsing import Command, Group
from pipeline.commands.process import opened
from pipeline.commands.voice import voiced

index = typer.Typer(
    name="index",
    cls=Group,
    no_args_is_help=True,
    help="Build, list, delete or export the index of a version.",
)

_Version = Annotated[str, typer.Argument(help="Version or alias, such as champion.")]


@index.command(cls=Command)
@voiced
def build(
    version: _Version = "champion",
    vectors: Annotated[
        Path | None,
        typer.Option(
            "--vectors", metavar="FILE", help="Parquet file of the version's vectors (id, vector)."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate time, size and price; nothing is kept.")
    ] = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Build the index of a version, or bring it up to date: only what changed is encoded.

    A build that was interrupted goes on where it stopped. Vectors of another model are refused.
    """
    if dry_run and vectors is not None:
        raise typer.BadParameter("--dry-run estimates a build that encodes, without --vectors")
    with opened(workspace, writes=not dry_run) as work:
        done = (
            work.index_estimate(version) if dry_run else work.index_build(version, vectors=vectors)
        )
    show(done, as_json)


@index.command(cls=Command)
@voiced
def status(workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Show the indexes that there are, and what they lack."""
    with opened(workspace) as work:
        found = work.index_status()
    show(found, as_json)


@index.command(cls=Command)
@voiced
def drop(
    version: _Version,
    dry_run: DryRun = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Delete the index of a version that does not serve."""
    with opened(workspace) as work:
        dropped = work.index_drop(version, dry_run=dry_run)
    show(dropped, as_json)


@index.command(cls=Command)
@voiced
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Parquet file to make.")],
    version: Annotated[
        str, typer.Option("--version", metavar="VERSION", help="Version or alias.")
    ] = "champion",
    dry_run: DryRun = False,
    workspace: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write ids, vectors and stamp of an index to a Parquet file, for another vector database."""
    with opened(workspace) as work:
        exported = work.index_export(file, version, dry_run=dry_run)
    show(exported, as_json)
