"""Further dimensions: a Matryoshka model's vectors cut shorter, and the tasks that score them."""

import re
from collections.abc import Sequence

from training.faults import DataFault

_SLICE = re.compile(r"/dim-(\d+)$")


def further_dimensions(
    named: Sequence[int], whole: int, setting: str = "model.dimensions"
) -> tuple[int, ...]:
    """Return the lengths below the whole among those named, each once, the longest first.

    Parameters
    ----------
    named
        Lengths of vectors; that of the whole may be among them.
    whole
        Dimensions that the model gives.
    setting
        Name of the setting, for the message.

    Raises
    ------
    DataFault
        A length is above that.

    Examples
    --------
    >>> further_dimensions([64, 384, 128], whole=384)
    (128, 64)
    """
    for each in named:
        if not 1 <= each <= whole:
            raise DataFault(
                f"{setting} holds {each}; allowed are 1 to {whole}, the number of dimensions of "
                "the model's vectors"
            )
    return tuple(sorted({*named} - {whole}, reverse=True))


def check_lengths(named: Sequence[int], setting: str) -> None:
    """Refuse lengths that no vector has.

    Raises
    ------
    ValueError
        A length is below 1; the message names the setting.
    """
    for each in named:
        if each < 1:
            raise ValueError(f"{setting} holds {each}; each must be at least 1")


def task_at(task: str, dimensions: int | None) -> str:
    """Return the name of a task at a number of dimensions; None: the whole vectors.

    Examples
    --------
    >>> task_at("anchor/past", 128), task_at("new", None)
    ('anchor/past/dim-128', 'new')
    """
    return task if dimensions is None else f"{task}/dim-{dimensions}"


def dimensions_of(task: str) -> int | None:
    """Return at how many dimensions a task is scored; None: those of the whole vectors.

    Examples
    --------
    >>> dimensions_of("anchor/past/dim-128"), dimensions_of("anchor/past/source=forum")
    (128, None)
    """
    found = _SLICE.search(task)
    return int(found[1]) if found else None
