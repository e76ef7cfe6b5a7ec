"""Progress: how far a long task is, and how the libraries are kept quiet."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Shows how far a task is: `with progress("encode", total) as step: step(32)`.

A total of 0 is a task of which nobody knows how much there is to do.
"""


@contextmanager
def no_progress(_label: str, _total: int) -> Iterator[Callable[[int], None]]:
    """Show nothing."""
    yield lambda _done: None


@contextmanager
def quiet() -> Iterator[None]:
    """Switch off the progress bars and warnings of the libraries; errors are still shown."""
    import transformers.utils.logging as bar_switch
    from datasets import disable_progress_bars, enable_progress_bars
    from datasets.utils import are_progress_bars_disabled

    names = ("sentence_transformers", "transformers", "accelerate")
    levels = {name: logging.getLogger(name).level for name in names}
    bars = bar_switch.is_progress_bar_enabled()
    data_bars = not are_progress_bars_disabled()
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    bar_switch.disable_progress_bar()  # type: ignore[no-untyped-call]
    disable_progress_bars()
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars:
            bar_switch.enable_progress_bar()  # type: ignore[no-untyped-call]
        if data_bars:
            enable_progress_bars()
