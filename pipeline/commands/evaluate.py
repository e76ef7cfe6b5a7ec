"""`anchorhold evaluate`: a version's scores now."""

from typing import Annotated

import typer

from pipeline.commands.options import HERE, AsJson, ExitCode, Folder
from pipeline.commands.output import show
from pipeline.commands.process import opened


def evaluate(
    version: Annotated[
        str, typer.Argument(help="Version, champion, candidate, previous or origin.")
    ] = "champion",
    workspace: Folder = HERE,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            help="Measure on this instead: a BEIR folder, or sentence-transformers/NanoBEIR-en.",
        ),
    ] = None,
    as_json: AsJson = False,
    exit_code: ExitCode = False,
) -> None:
    """Measure a version again on its golden sets, beside the scores it was accepted with.

    With --exit-code: 3 if a set certainly fell by more than its margin.
    """
    with opened(workspace) as work:
        found = work.evaluate(version, benchmark)
    show(found, as_json)
    if exit_code and found.fell:
        raise typer.Exit(3)
