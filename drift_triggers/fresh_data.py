"""Enough new labelled pairs are available."""

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class FreshData:
    """Fire when enough new labelled pairs are available: a schedule, not a test for drift.

    Notes
    -----
    The effect is the number of pairs. Always measured.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import FreshData, Observation, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> FreshData(minimum_pairs=100).check(Observation(none, none, new_pairs=120)).reason
    '120 new labelled pairs (at least 100 start a training)'
    >>> FreshData(minimum_pairs=100).check(Observation(none, none, new_pairs=80)).fired
    False
    """

    name: ClassVar[str] = "fresh_data"

    minimum_pairs: int = Field(default=1000, ge=1)
    """Number of new labelled pairs that starts a training; 1,000 are about 30 batches of 32."""

    def check(self, observation: Observation) -> Signal:
        """Compare the number of new pairs with ``minimum_pairs``."""
        count = observation.new_pairs
        if count < 0:
            raise ValueError(f"new_pairs must not be negative, got {count}")
        fired = count >= self.minimum_pairs
        return Signal(
            self.name,
            fired,
            f"{count} new labelled pairs (at least {self.minimum_pairs} start a training)",
            effect=float(count),
            threshold=float(self.minimum_pairs),
            cause="fresh_data" if fired else None,
        )
