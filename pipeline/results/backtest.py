"""The result of `anchorhold backtest`: what the triggers would have said of past windows."""

from drift_triggers.backtest import Score
from pipeline.results.cycle import Serving
from pipeline.results.result import Result


class PastWindow(Result):
    """One window and what would have been decided.

    Attributes
    ----------
    name
        Its file, or its cycle.
    drifted
        Whether it drifted; None where nobody knows.
    train
        Whether training would have started.
    fired
        Names of the triggers that fired.
    reasons
        Why training would have started, or not.
    """

    name: str
    drifted: bool | None
    train: bool
    fired: tuple[str, ...]
    reasons: tuple[str, ...]


class BacktestResult(Result):
    """A replay of past windows against the champion's reference.

    Attributes
    ----------
    champion
        The version whose reference was used.
    windows
        Oldest first.
    scores
        False alarms, misses and delays of each trigger, of any trigger, and of the policy.
    """

    champion: Serving
    windows: tuple[PastWindow, ...]
    scores: tuple[Score, ...]
