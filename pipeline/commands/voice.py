"""`--quiet` and `--verbose`, which every command takes: how much it says besides its result."""

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec, TextIO, TypeVar

import typer

_Taken = ParamSpec("_Taken")
_Returned = TypeVar("_Returned")

_QUIET = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but the result and what is wrong.")
]
_VERBOSE = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also say on stderr what is being done.")
]
_quiet = False


def is_quiet() -> bool:
    """Say whether the command that runs was told to be quiet."""
    return _quiet


def voiced(command: Callable[_Taken, _Returned]) -> Callable[..., _Returned]:
    """Return a command that takes `--quiet` and `--verbose` too."""

    @functools.wraps(command)
    def spoken(*arguments: Any, quiet: bool, verbose: bool, **named: Any) -> _Returned:
        if quiet and verbose:
            raise typer.BadParameter("only one of --quiet and --verbose can be given")
        _set(quiet, verbose)
        return command(*arguments, **named)

    signature = inspect.signature(command)
    added = {"quiet": _QUIET, "verbose": _VERBOSE}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in added.items()
    ]
    # typer reads the signature and the annotations.
    spoken.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), *more]
    )
    spoken.__annotations__ = {**command.__annotations__, **added}
    return spoken


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at the moment: beside progress, it keeps lines above that."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Lines(logging.Formatter):
    """Messages of the parts, one line each, in which nothing steers the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        from pipeline.machine.plain_text import on_one_line

        return on_one_line(super().format(record))


def _set(quiet: bool, verbose: bool) -> None:
    """Let the parts of the product say as much as was asked for."""
    global _quiet
    _quiet = quiet
    handler = _Stderr()
    when = "%(asctime)s  " if verbose else ""
    handler.setFormatter(_Lines(f"{when}%(message)s", "%H:%M:%S"))
    level = logging.ERROR if quiet else logging.INFO if verbose else logging.WARNING
    for package in ("pipeline", "training", "drift_triggers"):
        own = logging.getLogger(package)
        own.handlers, own.propagate = [handler], False
        own.setLevel(level)
