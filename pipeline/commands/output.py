"""What a command prints: results on stdout, everything else on stderr."""

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipeline.results import Result


def say(message: str) -> None:
    """Print a line on stderr."""
    typer.echo(message, err=True)


def show(result: "Result", as_json: bool) -> None:
    """Print a result on stdout: for a person, or as one JSON object."""
    if as_json:
        typer.echo(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        from pipeline.reports import terminal

        terminal.show(result)
