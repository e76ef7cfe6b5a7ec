"""A move of the champion: what `anchorhold promote` and `anchorhold rollback` print."""

from pipeline.results.cycle import Serving
from pipeline.results.foreseen import Foreseen
from pipeline.results.result import Result


class MoveResult(Result):
    """One champion replaced by another.

    Attributes
    ----------
    champion
        The version that serves now.
    previous
        The version that served before; None for the first.
    action
        "bootstrap", "promote", "rollback" or "force".
    reason
        Why, as the history keeps it.
    who
        Who decided; empty where that is not known.
    warnings
        What is missing since, such as documents in its index.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    champion: Serving
    previous: Serving | None
    action: str
    reason: str
    who: str = ""
    warnings: tuple[str, ...] = ()
    foreseen: Foreseen | None = None
