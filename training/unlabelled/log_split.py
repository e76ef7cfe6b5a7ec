"""The split of a served log: queries that may give pairs, and queries to measure on."""

from collections.abc import Sequence

from training.pairs import HoldOut
from training.unlabelled.served_query import ServedQuery


def split_log(
    served: Sequence[ServedQuery], hold_out: HoldOut
) -> tuple[list[ServedQuery], list[ServedQuery]]:
    """Return (lines that may give pairs, lines of held-out queries), each in the order given.

    The text of its query alone decides the side of a line, so that a query stays on its side in
    every window.

    Parameters
    ----------
    served
        Lines of the log.
    hold_out
        Decides by the hash of a query; its `minimum` and `maximum` do not count here.

    Examples
    --------
    >>> lines = [ServedQuery(f"question {number % 200}") for number in range(400)]
    >>> training, held_out = split_log(lines, HoldOut())
    >>> len(training) + len(held_out), 60 <= len(held_out) <= 100
    (400, True)
    >>> {line.query for line in training} & {line.query for line in held_out}
    set()
    """
    training: list[ServedQuery] = []
    held_out: list[ServedQuery] = []
    for line in served:
        (held_out if hold_out.holds(line.query) else training).append(line)
    return training, held_out
