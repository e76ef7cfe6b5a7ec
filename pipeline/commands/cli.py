"""The command line: every command in one application, and how it ends when something is wrong."""

import gc as garbage
import sys
from typing import Annotated

import typer

from pipeline.commands.accept import accept
from pipeline.commands.backtest import backtest
from pipeline.commands.backup import backup
from pipeline.commands.candidate import candidate
from pipeline.commands.check import check
from pipeline.commands.compare import compare
from pipeline.commands.demo import demo
from pipeline.commands.discard import discard
from pipeline.commands.doctor import doctor
from pipeline.commands.erase import erase
from pipeline.commands.evaluate import evaluate
from pipeline.commands.export import export
from pipeline.commands.gc import gc
from pipeline.commands.generate import generate
from pipeline.commands.index import index
from pipeline.commands.init import init
from pipeline.commands.judge import judge
from pipeline.commands.output import tell
from pipeline.commands.parsing import Command, Group
from pipeline.commands.promote import promote
from pipeline.commands.quarantine import quarantine
from pipeline.commands.report import report
from pipeline.commands.restore import restore
from pipeline.commands.rollback import rollback
from pipeline.commands.run import run
from pipeline.commands.search import search
from pipeline.commands.serve import serve
from pipeline.commands.settings import settings
from pipeline.commands.simulate import simulate
from pipeline.commands.status import status
from pipeline.commands.ui import ui
from pipeline.commands.voice import voiced
from pipeline.commands.watch import watch

app = typer.Typer(
    name="anchorhold",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    demo,
    init,
    check,
    run,
    candidate,
    watch,
    status,
    quarantine,
    doctor,
    compare,
    evaluate,
    generate,
    judge,
    promote,
    rollback,
    discard,
    erase,
    accept,
    export,
    gc,
    backup,
    restore,
    search,
    serve,
    backtest,
    simulate,
    report,
    ui,
    settings,
):
    app.command(cls=Command)(voiced(command))
app.add_typer(index)


def _print_version(wanted: bool) -> None:
    if wanted:
        from pipeline import __version__

        typer.echo(f"anchorhold {__version__}")
        raise typer.Exit


@app.callback()
def anchorhold(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Keep a text-embedding model up to date without forgetting."""


def main() -> None:
    """Run the command line; an expected error is one sentence and status 2, without a traceback."""
    # Modules stay loaded: searching them for garbage while they load takes a sixth of a short
    # command.
    garbage.disable()
    try:
        app(prog_name="anchorhold")
    except Exception as fault:
        from pipeline.machine import disk_fault
        from training.faults import AnchorholdError

        told = fault if isinstance(fault, AnchorholdError) else disk_fault(fault)
        if told is not None:
            tell(f"anchorhold: {told}")
            sys.exit(2)
        import traceback

        # Printed here, as the message may repeat what a file says.
        tell(traceback.format_exc().rstrip())
        sys.exit(1)
