"""`anchorhold watch`: cycles for as long as it runs."""

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import say, show
from pipeline.commands.process import opened, stop_on_signals, wait

if TYPE_CHECKING:
    from pipeline.results import WatchEvent


def watch(
    workspace: Folder = HERE,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="TIME",
            help="Time between two checks for new data, such as 90s, 15m or 1d; "
            "default: watch.every.",
        ),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option(
            "--records",
            help="Also run as soon as this many records are new; default: watch.records.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option("--metrics-port", help="Serve /metrics for Prometheus on this loopback port."),
    ] = None,
    test: Annotated[
        bool,
        typer.Option(
            "--test", help="Only send a test message to the receivers of [promotion] and [alerts]."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a cycle whenever something is new, until stopped by Ctrl-C or SIGTERM (status 0).

    A line per cycle; with --json, a JSON object per line. A cycle that was interrupted is resumed
    by the next run. With --test: status 2 if a receiver did not take the message.
    """
    if test:
        with opened(workspace) as work:
            found = work.test_receivers()
        show(found, as_json)
        raise typer.Exit(2 if found.failed else 0)
    out = sys.stdout
    with opened(workspace) as work:
        stop = stop_on_signals()
        from pipeline.service.watch_metrics import WatchMetrics

        with contextlib.ExitStack() as stack:
            metrics = None
            if metrics_port is not None:
                metrics = stack.enter_context(WatchMetrics(metrics_port))
                say(f"metrics: http://127.0.0.1:{metrics.port}/metrics")

            def tell(event: "WatchEvent") -> None:
                if metrics:
                    metrics.tell(event)
                with contextlib.redirect_stdout(out):
                    show(event, as_json)
                    out.flush()

            wait()
            work.watch(every=every, records=records, tell=tell, stop=stop)
