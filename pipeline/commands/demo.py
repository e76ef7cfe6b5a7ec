"""`anchorhold demo`: the whole story on text that every installation has."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands import voice
from pipeline.commands.options import AsJson, Folder
from pipeline.commands.output import say, show
from pipeline.commands.process import at_work, temporary_files_in


def demo(
    workspace: Folder = Path("anchorhold-demo"),
    fast: Annotated[bool, typer.Option("--fast", help="Smaller: about two minutes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story on the documentation of the installed Python packages."""
    with at_work():
        from pipeline.demo import FAST, FULL, lay_out, run_demo
        from pipeline.reports.progress import progress_for

        say("reading the documentation of the installed packages")
        stage = lay_out(workspace, FAST if fast else FULL)
        with temporary_files_in(stage.state):
            told = run_demo(stage, progress=progress_for(voice.is_quiet()), say=say)
    show(told, as_json)
