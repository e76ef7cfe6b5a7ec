"""What a command prints: results on stdout, everything else on stderr."""

import json
from typing import TYPE_CHECKING

import typer

from pipeline.commands import voice

if TYPE_CHECKING:
    from pipeline.results import Result


def say(message: str) -> None:
    """Print a line on stderr, unless `--quiet` is given."""
    if not voice.is_quiet():
        tell(message)


def tell(message: str) -> None:
    """Print a line on stderr, also with `--quiet`; nothing in it steers the terminal."""
    from pipeline.machine.plain_text import plain

    typer.echo(plain(message), err=True)


def show(result: "Result", as_json: bool) -> None:
    """Print a result on stdout: for a person, or as one JSON object."""
    if as_json:
        from pipeline.machine.plain_text import escaped

        typer.echo(escaped(json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False)))
    else:
        from pipeline.reports import terminal

        terminal.show(result)
