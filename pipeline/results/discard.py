"""The result of `anchorhold discard`: records that were excluded, or included again."""

from typing import Literal

from pipeline.results.foreseen import Foreseen
from pipeline.results.moment import Moment
from pipeline.results.result import Result


class ExcludedCounts(Result):
    """Stored records that are excluded from learning and drift checks."""

    pairs: int
    traffic: int
    documents: int = 0
    served: int = 0


class ChampionMemory(Result):
    """How many excluded pairs are in the memory of the champion, which keeps them."""

    version: int
    in_memory: int


class DiscardResult(Result):
    """One entry of the log of exclusions, and what is excluded after it.

    Attributes
    ----------
    action
        "discard" or "undo".
    number
        Number of the entry in the log.
    kind, name
        What the records were named by, and the name.
    reason, who, at
        What the log keeps.
    pairs, traffic, documents, served
        Records that this entry excluded, or included again.
    discarded
        Records that are excluded in total.
    champion
        What the champion's memory holds of them; None where there is no champion.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    action: Literal["discard", "undo"]
    number: int
    kind: Literal["cycle", "source", "file", "id"]
    name: str
    reason: str
    who: str
    at: Moment
    pairs: int
    traffic: int
    documents: int = 0
    served: int = 0
    discarded: ExcludedCounts
    champion: ChampionMemory | None
    foreseen: Foreseen | None = None
