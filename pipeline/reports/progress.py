"""Progress for a person at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.machine.plain_text import on_one_line
from training.progress import Progress as ShownProgress
from training.progress import no_progress


def progress_for(quiet: bool) -> ShownProgress:
    """Return how a command shows progress."""
    return no_progress if quiet else progress_bar


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs; call what it yields with the steps done."""
    columns = (
        TextColumn("{task.description:<12}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Without a terminal (a log file, another program) a bar would only leave blank lines.
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(on_one_line(description), total=total)
        yield lambda steps: progress.advance(task, steps)
