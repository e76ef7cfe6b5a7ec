"""The commands that pages and files show: found, and read by the parser of the command line."""

import re
import shlex
from pathlib import Path

from click import Context
from typer.main import get_command

from pipeline.commands.cli import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if page.name != "commands.md"  # made from the parser itself
)
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`anchorhold ([^`]+)`")
_CALL = re.compile(r"(?:^|[\s/])anchorhold ([a-z].*)")
_NO_COMMANDS = {"python", "json", "toml"}
_ENDS = {">", ">>", "2>", "|", "||", "&&", ";", "&"}


def blocks_with_commands(page: Path) -> list[str]:
    """Return the blocks of a page that may hold commands."""
    text = page.read_text(encoding="utf-8")
    return [block for language, block in _BLOCK.findall(text) if language not in _NO_COMMANDS]


def commands_in(text: str) -> list[list[str]]:
    """Return the arguments of every call of anchorhold in lines of a shell, of cron or of systemd.

    Examples
    --------
    >>> commands_in("15 * * * *  anchorhold run --json >> runs.jsonl")
    [['run', '--json']]
    """
    calls = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith("#") and (found := _CALL.search(line)):
            words = shlex.split(found[1], comments=True)
            ends = [place for place, word in enumerate(words) if word in _ENDS]
            calls.append(words[: min(ends, default=len(words))])
    return calls


def commands_in_sentences(page: Path) -> list[list[str]]:
    """Return the calls of commands that sentences of a page name; they may leave arguments out."""
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    named = [" ".join(each.split()) for each in _INLINE.findall(text)]
    return [shlex.split(each) for each in named if each[0].isalpha() and "…" not in each]


def parsed(arguments: list[str]) -> Context:
    """Let the parser read a call, without running it.

    Raises
    ------
    click.UsageError
        The call is not one that the command line takes.
    """
    command, name, context = get_command(app), "anchorhold", None
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not hasattr(command, "commands"):
            return context
        rest = [*context._protected_args, *context.args]
        name, command, arguments = command.resolve_command(context, rest)
