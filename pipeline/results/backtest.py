"""The result of `anchorhold backtest`: what the triggers would have said of past windows."""

from drift_triggers.backtest import Loss, Score
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
        False alarms, misses, delays and leads of each trigger, of any trigger, and of the policy.
    losses
        Where quality began to fall: the hit rate on labelled pairs or clicks of the window, or on
        golden sets as its cycle recorded it.
    quality_measured
        Windows in which quality was measured.
    """

    champion: Serving
    windows: tuple[PastWindow, ...]
    scores: tuple[Score, ...]
    losses: tuple[Loss, ...] = ()
    quality_measured: int = 0
