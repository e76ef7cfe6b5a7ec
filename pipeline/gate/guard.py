"""The guard: whether a version that was promoted serves its users worse than the one before."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.gate.anytime import Values, lower_mean, upper_mean
from pipeline.gate.bounds import DRAWS
from training.settings import SETTINGS

_SHARE = (0.0, 1.0)


@dataclass(frozen=True, config=SETTINGS)
class Guard:
    """Watch a promotion for some hours, and roll it back where it did harm.

    Half of the error is for the feedback of users, half for the golden sets. Users before and after
    a promotion were not divided by chance: a campaign or a weekend changes them too, which is why a
    loss must be larger here than in a canary. The bounds hold at every check.

    Examples
    --------
    >>> before, after = [1.0, 0.0] * 300, [0.0, 0.0, 0.0, 1.0] * 100
    >>> print(Guard().loss(before, after))
    success fell from 50.0% of 600 users to 25.0% of 400, by more than 5% (valid at every check)
    """

    enabled: bool = True
    """Whether a promotion that did harm is rolled back without a person."""
    hours: float = Field(default=72.0, gt=0.0, le=8_760.0)
    """Hours after a promotion in which it is watched; at most one rollback in as many hours."""
    max_loss: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Loss of success that is tolerated, as a share of the queries."""
    settle_minutes: float = Field(default=30.0, ge=0.0, le=43_200.0)
    """Minutes during which the queries of one user are collected.

    Clicks count for as many minutes after that.
    """
    confidence: float = Field(default=0.99, gt=0.5, lt=1.0)
    """Confidence that a harmless promotion is not rolled back, over all checks together."""

    def loss(self, before: Sequence[float] | Values, after: Sequence[float] | Values) -> str:
        """Say by how much success fell; "" where the data do not show that it did.

        Parameters
        ----------
        before, after
            Share of successful queries of each key, those after the promotion in their order.
        """
        if not len(before) or not len(after):
            return ""
        alpha = (1.0 - self.confidence) / 4.0
        least = lower_mean(np.array(before), 0.0, alpha, _SHARE)
        most = upper_mean(np.array(after), 1.0, alpha, _SHARE)
        if most >= least - self.max_loss:
            return ""
        return (
            f"success fell from {np.mean(before):.1%} of {len(before)} users to "
            f"{np.mean(after):.1%} of {len(after)}, by more than {self.max_loss:.0%} (valid at "
            "every check)"
        )

    def golden_confidence(self, check: int, sets: int = 1) -> float:
        """Return the confidence of each golden set's bound at the n-th check.

        The errors of all checks add up to half of the guard's. Each check counts, which is
        conservative: one that finds no new label adds no error. A check whose share is smaller than
        the draws of a bound resolve adds ``1 / DRAWS`` per set instead.

        Parameters
        ----------
        check
            Number of the check, from 1.
        sets
            How many sets share the error of a check.

        Examples
        --------
        >>> round(Guard(confidence=0.9).golden_confidence(1), 6)
        0.975
        >>> round(Guard().golden_confidence(1000, sets=2), 6)
        0.99995
        """
        error = (1.0 - self.confidence) / 2.0 / (check * (check + 1)) / sets
        # Of n draws, the smallest has an expected share of 1 / (n + 1) below it. A quantile for a
        # smaller error is that draw again, so that the bound would not be as sure as it said.
        return 1.0 - max(error, 1.0 / DRAWS)
