"""The result of `anchorhold accept`: texts that count as known by a person's word."""

from typing import Literal

from pipeline.results.cycle import Serving
from pipeline.results.foreseen import Foreseen
from pipeline.results.moment import Moment
from pipeline.results.result import Result


class AcceptResult(Result):
    """One entry of the log of acceptances.

    Attributes
    ----------
    action
        "accept" or "undo".
    number
        Number of the entry in the log.
    cycle
        The cycle that checked these texts last.
    texts
        How many texts count as known from now on, or no longer do.
    fired
        Triggers that had fired in that cycle.
    later
        Texts that arrived after that check; they are not part of it.
    champion
        The version whose reference they extend.
    reason, who, at
        What the log keeps.
    notes
        What a person should know besides.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    action: Literal["accept", "undo"]
    number: int
    cycle: str
    texts: int
    fired: tuple[str, ...]
    later: int
    champion: Serving
    reason: str
    who: str
    at: Moment
    notes: tuple[str, ...] = ()
    foreseen: Foreseen | None = None


class AcceptanceStatus(Result):
    """One entry of the log of acceptances, as `anchorhold status` lists it."""

    number: int
    action: Literal["accept", "undo"]
    cycle: str
    reason: str
    who: str
    at: Moment
