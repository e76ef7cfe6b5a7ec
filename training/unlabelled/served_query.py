"""The served query: what a user asked, what was shown, and what the user did with it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """One result as it was shown; it has an id, a text, or both."""

    id: str = ""
    """Id of the document in the corpus; "" where the log has only its text."""
    text: str = ""
    """Text of the document; "" where the log has only its id."""
    score: float | None = None
    """Score that the service gave it, such as a cosine; None: unknown."""


@dataclass(frozen=True, slots=True)
class ServedQuery:
    """One line of a served log.

    Clicks and feedback name a result by its id, or by its text where it has no id.
    """

    query: str
    """What the user asked."""
    shown: tuple[Shown, ...] = ()
    """The results from the first to the last; () where the log does not say."""
    clicked: tuple[str, ...] = ()
    """Results that were clicked, in the order of the clicks."""
    feedback: tuple[tuple[str, int], ...] = ()
    """(result, 1 or -1) of each result that was rated."""
    answer: str = ""
    """What a generating system answered; "" where unknown."""
    id: str = ""
    """Id of the line in the log."""
    source: str = ""
    """Where it was asked; "" where unknown."""
    session: str = ""
    """Session that it belongs to; "" where unknown."""
    user: str = ""
    """Who asked; "" where unknown."""
    timestamp: float | None = None
    """When it was asked, in seconds since the epoch; None: unknown."""
    version: int | None = None
    """Version of the model that answered; None: unknown."""
    seconds: float | None = None
    """How long the answer took, in seconds; None: unknown."""


def shown_ids(lines: Iterable[ServedQuery]) -> list[str]:
    """Return the ids of the documents that were shown, each once.

    Examples
    --------
    >>> one, other = Shown(id="7", text="At nine"), Shown(text="Block it.")
    >>> shown_ids([ServedQuery("hours", (one, other)), ServedQuery("opening hours", (one,))])
    ['7']
    """
    return list(dict.fromkeys(each.id for line in lines for each in line.shown if each.id))
