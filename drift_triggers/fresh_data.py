"""Enough new labelled pairs have arrived."""

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class FreshData:
    """Fire when labelled pairs have piled up, drift or no drift: a schedule, not a test.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> FreshData(minimum_pairs=100).check(Observation(none, none, new_pairs=120)).reason
    '120 new labelled pairs wait (100 are enough)'
    """

    name: ClassVar[str] = "fresh_data"

    minimum_pairs: int = Field(default=1000, ge=1)
    """New labelled pairs that are worth a training run: some thirty batches of 32."""

    def check(self, observation: Observation) -> Signal:
        """Compare the number of pairs not yet learned with ``minimum_pairs``."""
        count = observation.new_pairs
        if count < 0:
            raise ValueError(f"new_pairs must not be negative, got {count}")
        fired = count >= self.minimum_pairs
        need = "are enough" if fired else "are needed"
        return Signal(
            self.name,
            fired,
            f"{count} new labelled pairs wait ({self.minimum_pairs} {need})",
            effect=float(count),
            threshold=float(self.minimum_pairs),
            cause="fresh_data" if fired else None,
        )
