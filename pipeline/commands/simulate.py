"""`anchorhold simulate`: a year with injected drift, under the settings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands import voice
from pipeline.commands.options import AsJson, DryRun
from pipeline.commands.output import say, show
from pipeline.commands.process import at_work, opened


class Scenario(StrEnum):
    """Which made corpus is simulated."""

    documentation = "documentation"
    catalogue = "catalogue"


def simulate(
    texts: Annotated[
        Path | None,
        typer.Argument(
            metavar="[TEXTS]",
            help="File of texts without drift; default: those that the workspace has stored.",
        ),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Folder with anchorhold.toml; without one, the corpus of the demonstration.",
        ),
    ] = None,
    scenario: Annotated[
        Scenario | None,
        typer.Option("--scenario", help="Simulate this made corpus under the default settings."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="One year, nothing is trained: about two minutes.")
    ] = False,
    html: Annotated[Path, typer.Option("--html", help="Where the page for people goes.")] = Path(
        "simulation.html"
    ),
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Try the settings on a year with injected drift: what is noticed, and when.

    Real texts are drawn as quiet weeks. Then each of six causes of drift is injected at several
    strengths: new topics, another model, new words, another parser, a word with another meaning,
    and own output that comes back. The workspace stays as it is.
    """
    if scenario is not None and (workspace is not None or texts is not None):
        raise typer.BadParameter("--scenario has texts and settings of its own; leave out others")
    here = workspace or (Path() if scenario is None and Path("anchorhold.toml").exists() else None)
    if here is not None:
        with opened(here) as work:
            found = work.simulate(texts, fast=fast, page=html, dry_run=dry_run)
    elif texts is not None:
        raise typer.BadParameter("texts are tried with a workspace; name it with --workspace")
    else:
        with at_work():
            from pipeline.demo import simulate_demo
            from pipeline.reports.progress import progress_for

            if scenario is None:
                say("no workspace here: default settings on the documentation of Python packages")
            found = simulate_demo(
                "documentation" if scenario is None else scenario.value,
                fast=fast,
                page=html,
                dry_run=dry_run,
                progress=progress_for(voice.is_quiet()),
            )
    show(found, as_json)
