"""Progress for a person at a terminal: that a command works, how far its parts are, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from pipeline.machine.plain_text import on_one_line
from training.progress import Progress as ShownProgress
from training.progress import no_progress

_activity: Progress | None = None
"""What shows that the command of this process works: the terminal has room for one display."""


class _Count(ProgressColumn):
    """Steps done of all, where their number is known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:.0f}/{task.total:.0f}")


class _Time(ProgressColumn):
    """Time left; where that cannot be known, the time since the beginning."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(f"for {_clock(task.elapsed)}")
        left = task.time_remaining
        return Text("" if left is None else f"{_clock(left)} left")


def _clock(seconds: float | None) -> str:
    return str(timedelta(seconds=int(seconds or 0)))


def progress_for(quiet: bool) -> ShownProgress:
    """Return how a command shows progress."""
    return no_progress if quiet else progress_bar


@contextmanager
def activity(*, quiet: bool) -> Iterator[None]:
    """Show on stderr that a command works, and for how long, until the block ends.

    Libraries and models take seconds to load, and some work has no length that is known before.
    What is printed on stderr meanwhile stays above it. Without a terminal, nothing is shown.
    """
    global _activity
    console = Console(stderr=True)
    if quiet or not console.is_terminal or _activity is not None:
        yield
        return
    with _display(console) as display:
        display.add_task("working", total=None)
        _activity = display
        try:
            yield
        finally:
            _activity = None


def end_activity() -> None:
    """Show no longer that the command works: it waits for a person, or for requests."""
    global _activity
    if _activity is not None:
        _activity.stop()
        _activity = None


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs; call what it yields with the steps done.

    A total of 0 is a part of which nobody knows how long it takes.
    """
    label = on_one_line(description)
    if _activity is not None:
        shown = _activity
        task = shown.add_task(label, total=total or None)
        try:
            yield lambda steps: shown.advance(task, steps)
        finally:
            shown.remove_task(task)
        return
    with _display(Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total or None)
        yield lambda steps: progress.advance(task, steps)


def _display(console: Console) -> Progress:
    """Return a display of bars; without a terminal it would only leave blank lines, and is none."""
    return Progress(
        TextColumn("{task.description:<14}", markup=False),
        BarColumn(bar_width=24),
        _Count(),
        _Time(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        # Standard output is for the result alone.
        redirect_stdout=False,
    )
