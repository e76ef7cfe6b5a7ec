"""How words on the command line are taken: what is wrong is told without steering the terminal."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Read the words that follow the name of the command."""
        try:
            return super().make_context(*arguments, **named)
        except Exception as fault:
            _without_steering(fault)
            raise


class Group(TyperGroup):
    """A group of commands."""

    def resolve_command(self, *arguments: Any) -> Any:
        """Find the command of a name."""
        try:
            return super().resolve_command(*arguments)
        except Exception as fault:
            _without_steering(fault)
            raise


def _without_steering(fault: Exception) -> None:
    """Take out of a message what could steer the terminal: it repeats what was given.

    typer escapes most of it, but not what turns the direction of writing.
    """
    from pipeline.machine.plain_text import plain

    if isinstance(message := getattr(fault, "message", None), str):
        fault.message = plain(message)  # type: ignore[attr-defined]
