"""`anchorhold judge`: people compare two versions blind, where their results differ."""

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import HERE, AsJson, Folder
from pipeline.commands.output import show, tell
from pipeline.commands.process import open_in_browser, opened, wait

if TYPE_CHECKING:
    from pipeline.judging import Shown

_KEYS = {"1": "left", "2": "right", "=": "same", "0": "none", "u": "undo", "q": None}
_LONGEST = 600
"""Characters of a result in the terminal."""
_WIDEST = 92
"""Columns of a line that is still easy to read."""


def judge(
    versions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[A] [B]",
            help="Versions or aliases; default: the champion and the newest that never served.",
        ),
    ] = None,
    workspace: Folder = HERE,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Ask in the terminal instead of on a local page.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv", help="Write questions to this file; if it exists, read its answers instead."
        ),
    ] = None,
    result: Annotated[
        bool, typer.Option("--result", help="Ask nothing; show what the answers so far say.")
    ] = False,
    anchors: Annotated[
        Path | None,
        typer.Option("--anchors", help="Write all answers as an evaluation set to this folder."),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Draw new questions instead of continuing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two versions by blind answers of people, asked only where the results differ.

    Keys: 1 left, 2 right, = both alike, 0 none is good, u undo, q stop. Each answer is stored at
    once; the same command continues.
    """
    if terminal + result + (csv is not None) > 1:
        raise typer.BadParameter("only one of --terminal, --csv and --result can be given")
    with opened(workspace) as work:
        from pipeline.operations import Asking

        asking = Asking(page=_tell)
        if terminal:
            asking = Asking(ask=_ask)
        elif csv is not None:
            asking = Asking(sheet=csv)
        elif result:
            asking = Asking()
        found = work.judge(*(versions or ()), asking=asking, new=new, anchors=anchors)
    show(found, as_json)


def _tell(address: str) -> None:
    wait()
    tell(f"judging at {address}  (this machine only; stop there or with Ctrl-C)")
    open_in_browser(address)


def _ask(shown: "Shown", certainty: str) -> str | None:
    """Show one question on stderr and return what the key that is pressed means."""
    from pipeline.machine.plain_text import on_one_line

    wait()
    question = f"question {shown.turn + 1}: {on_one_line(shown.query, ' ')}"
    tell(f"\n{_filled(certainty)}\n\n{_filled(question)}\n")
    for digit, name, side in (("1", "left", shown.left), ("2", "right", shown.right)):
        tell(f"[{digit}] {name}")
        for rank, text in enumerate(side[: shown.compared], start=1):
            short = textwrap.shorten(on_one_line(text, " "), _LONGEST, placeholder=" …")
            tell(_filled(f"{rank}. {short}", "    "))
        tell("")
    keys = "1 left is better, 2 right is better, = both alike, 0 none is good, u undo, q stop"
    tell(_filled(keys))
    while True:
        key = _key()
        if key is None:
            return None
        if key in _KEYS:
            return _KEYS[key]
        tell(f"{key[:20]!r} is no answer; press 1, 2, =, 0, u or q")


def _filled(text: str, indent: str = "") -> str:
    """Return a text wrapped between words to the width of the terminal, or to that of a page."""
    width = min(_WIDEST, shutil.get_terminal_size().columns - 1)
    return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


def _key() -> str | None:
    """Return the key that is pressed, or a line where keys cannot be read; None at the end."""
    if sys.stdin.isatty():
        import click

        try:
            return click.getchar().lower()
        except EOFError:
            return None
    line = sys.stdin.readline()
    return line.strip().lower() if line else None
