"""The command line: a thin skin over functions; results on stdout, progress and logs on stderr."""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# Whatever is heavy (torch, MLflow, workers) is imported inside the commands: help is instant.
if TYPE_CHECKING:
    from pipeline.workspace import OpenWorkspace

app = typer.Typer(
    name="anchorhold",
    help="Keep a text-embedding model up to date without forgetting.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Workspace = Annotated[Path, typer.Option("--workspace", "-w", help="Folder with anchorhold.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Say the outcome in the exit status.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
HERE = Path()


@app.command()
def demo(
    workspace: Workspace = Path("anchorhold-demo"),
    fast: Annotated[bool, typer.Option("--fast", help="Smaller: about two minutes.")] = False,
    as_json: Json = False,
) -> None:
    """Tell the whole story on the documentation of the installed Python packages."""
    from pipeline.demo.demo import FAST, FULL, run_demo

    gc.enable()
    with _at_work():
        told = run_demo(
            workspace, sizes=FAST if fast else FULL, now=_now, progress=_progress(), say=_say
        )
    _show(told, as_json, "demo")


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")],
    as_json: Json = False,
) -> None:
    """Make a workspace: a commented anchorhold.toml and the folders."""
    from pipeline.workspace import make_workspace

    _show(make_workspace(directory).to_json(), as_json, "init")


@app.command()
def check(
    workspace: Workspace = HERE,
    traffic: Annotated[
        Path | None,
        typer.Option("--traffic", help="Look at these texts instead of the stored ones."),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="Look at these pairs instead of the stored ones.")
    ] = None,
    as_json: Json = False,
    exit_code: ExitCode = False,
) -> None:
    """Say whether training is called for, and why; read-only. With --exit-code: 3 if it is."""
    from pipeline.cycle import check_now

    with _open(workspace, "check", exclusive=False) as opened:
        decision = check_now(opened, traffic=traffic, pairs=pairs, now=_now()).to_json()
    _show(decision, as_json, "check")
    if exit_code and decision["train"]:
        raise typer.Exit(3)


@app.command()
def run(
    workspace: Workspace = HERE,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="Way to hold the old, or all of them; repeatable"),
    ] = None,
    as_json: Json = False,
    exit_code: ExitCode = False,
) -> None:
    """Run one cycle, or finish a cycle that was interrupted.

    With --exit-code: 4 rejected, 5 inconclusive.
    """
    from pipeline.cycle import run_cycle

    with _open(workspace, "run", strategies=strategy) as opened:
        result = run_cycle(opened, _now()).to_json()
    _show(result, as_json, "run")
    if exit_code:
        raise typer.Exit({"rejected": 4, "inconclusive": 5}.get(str(result["outcome"]), 0))


@app.command()
def status(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Show the champion, the data that waits, the last cycles and unfinished work."""
    from pipeline.operations.status import status_now

    with _open(workspace, "status", exclusive=False) as opened:
        found = status_now(opened, _now())
    _show(found, as_json, "status")


@app.command()
def compare(
    versions: Annotated[
        list[str],
        typer.Argument(
            help="Versions, champion, candidate, previous or origin; the first is the baseline."
        ),
    ],
    workspace: Workspace = HERE,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the comparison to this page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show versions side by side on every task: means, differences, intervals, what got worse."""
    from pipeline.operations.compare import compare_versions

    with _open(workspace, "compare", exclusive=False) as opened:
        found = compare_versions(opened, versions, page=html)
    _show(found, as_json, "compare")


@app.command()
def evaluate(
    version: Annotated[
        str, typer.Argument(help="Version, champion, candidate, previous or origin.")
    ] = "champion",
    workspace: Workspace = HERE,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            help="On this instead: a BEIR folder, or sentence-transformers/NanoBEIR-en.",
        ),
    ] = None,
    as_json: Json = False,
    exit_code: ExitCode = False,
) -> None:
    """Measure a version anew on its golden sets, beside the scores it was accepted with.

    With --exit-code: 3 if a set fell by more than its margin for sure.
    """
    from pipeline.operations.evaluate import evaluate_again, evaluate_on_benchmark

    with _open(workspace, "evaluate", exclusive=False) as opened:
        if benchmark is None:
            found = evaluate_again(opened, version, _now())
        else:
            found = evaluate_on_benchmark(opened, version, benchmark, _now())
    _show(found, as_json, "evaluate")
    if exit_code and found["fell"]:
        raise typer.Exit(3)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Version or alias.")],
    reason: Reason,
    workspace: Workspace = HERE,
    force: Annotated[
        bool, typer.Option("--force", help="Also if it did not pass the gate.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a version the champion by hand; the history keeps the reason."""
    from pipeline.cycle import Champions

    with _open(workspace, "promote") as opened:
        champions = Champions(opened.registry, opened.store, opened.settings.state)
        move = champions.promote(version, reason=reason, force=force, now=_now())
    _show(move.to_json(), as_json, "move")


@app.command()
def rollback(
    version: Annotated[str | None, typer.Argument(help="A version that served before.")] = None,
    workspace: Workspace = HERE,
    reason: Reason = "rolled back by hand",
    as_json: Json = False,
) -> None:
    """Return to the champion before, or to a version named, with its memory and reference."""
    from pipeline.cycle import Champions

    with _open(workspace, "rollback") as opened:
        champions = Champions(opened.registry, opened.store, opened.settings.state)
        move = champions.roll_back(version, reason=reason, now=_now())
    _show(move.to_json(), as_json, "move")


@app.command()
def discard(
    reason: Reason,
    cycle: Annotated[
        str | None, typer.Option("--cycle", help="The pairs that this cycle was the first to meet.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="All stored records of this source.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", help="All stored records of this file.")
    ] = None,
    pair: Annotated[str | None, typer.Option("--id", help="The pair with this identifier.")] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Bring back what a discard of the same name took out.")
    ] = False,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Take records out of learning and drift looks for good, or --undo it; nothing is deleted."""
    from pipeline.operations.discard import discard_records

    with _open(workspace, "discard") as opened:
        done = discard_records(
            opened,
            cycle=cycle,
            source=source,
            file=file,
            pair=pair,
            undo=undo,
            reason=reason,
            who=_person(),
            now=_now(),
        )
    _show(done, as_json, "discard")


@app.command()
def export(
    version: Annotated[str, typer.Argument(help="Version or alias, such as champion.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Write the plain sentence-transformers folder of a version."""
    from pipeline.operations.export import export_version

    with _open(workspace, "export", exclusive=False) as opened:
        exported = export_version(opened, version, directory)
    _show(exported, as_json, "export")


@app.command()
def backtest(
    windows: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Files of texts, one a window; default: the past cycles."
        ),
    ] = None,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Replay past windows through triggers and policy: false alarms, misses, delay."""
    from pipeline.operations.backtest import rehearse

    with _open(workspace, "backtest", exclusive=False) as opened:
        found = rehearse(opened, windows, _now())
    _show(found, as_json, "backtest")


@app.command()
def report(
    cycle: Annotated[
        str | None, typer.Argument(help="Cycle, such as 0003; default: the last.")
    ] = None,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Write the HTML report of a finished cycle and say where it is."""
    from pipeline.reports import report_of

    with _open(workspace, "report", exclusive=False) as opened:
        written = report_of(opened.store, opened.settings.state, cycle).to_json()
    _show(written, as_json, "report")


def main() -> None:
    """Run the command line; a mistake of input is one sentence and status 2, no traceback."""
    # Modules stay: to look through them for garbage while they load is a sixth of a short command.
    gc.disable()
    try:
        app()
    except Exception as fault:
        from training.faults import AnchorholdError

        if not isinstance(fault, AnchorholdError):
            raise
        _say(f"anchorhold: {fault}")
        sys.exit(2)


@contextmanager
def _open(
    workspace: Path, doing: str, *, exclusive: bool = True, strategies: Sequence[str] | None = None
) -> Iterator["OpenWorkspace"]:
    from pipeline.workspace import load_settings, open_workspace

    settings = load_settings(workspace)
    if strategies:
        settings = settings.trying(strategies)
    with (
        _at_work(),
        open_workspace(
            settings, doing=doing, now=_now(), progress=_progress(), exclusive=exclusive
        ) as opened,
    ):
        gc.freeze()
        gc.enable()
        yield opened


@contextmanager
def _at_work() -> Iterator[None]:
    """Keep stdout for the result alone, and end an interruption with a sentence."""
    import signal

    from pipeline.registry import quiet_environment

    quiet_environment()
    # A service manager's stop is treated as a person's: what is open is closed in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with redirect_stdout(sys.stderr):
            yield
    except KeyboardInterrupt:
        _say("interrupted; nothing is lost, the same command goes on from here")
        raise typer.Exit(130) from None


def _now() -> datetime:
    return datetime.now(UTC)


def _person() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "unknown"


def _progress() -> Callable[..., Any]:
    from pipeline.reports import progress_bar

    return progress_bar


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _show(result: dict[str, Any], as_json: bool, kind: str) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
    else:
        from pipeline.reports import terminal

        terminal.show(kind, result)
