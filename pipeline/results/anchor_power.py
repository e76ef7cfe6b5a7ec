"""What an anchor set can support today."""

from pipeline.results.result import Result


class AnchorPower(Result):
    """What one anchor set can support today.

    Attributes
    ----------
    anchor
        Its task name.
    queries
        Its size.
    max_drop
        What it may lose.
    visible
        Smallest drop that it detects at 80 % power; an equal candidate fails to pass more often
        than one time in five where this is above `max_drop`.
    spread, spread_from
        Standard deviation of the paired differences that this rests on, and the cycle that measured
        it, or "assumed".
    needs
        Queries from which it would detect a drop of `max_drop`; None beyond a million.
    can_vouch
        Whether it can support any candidate, even one that ranks every query alike.
    meaningful
        Whether it detects a drop of `max_drop`.
    judged, budget, worn
        Candidates judged on the same queries so far, how many are allowed, and whether there were
        more.
    reason
        All this in one sentence.
    chance
        Probability that an equally good candidate passes on it.
    proposed_margin
        Smallest margin at which four of five equally good candidates pass, rounded up; None where
        none would do.
    """

    anchor: str
    queries: int
    max_drop: float
    visible: float
    spread: float
    spread_from: str
    needs: int | None
    can_vouch: bool
    meaningful: bool
    judged: int
    budget: int
    worn: bool
    reason: str
    chance: float | None = None
    proposed_margin: float | None = None
