"""The champion has not learned for too long."""

import math
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ModelAge:
    """Fire when the champion is old, drift or no drift: a schedule, not a test.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers.signal import Observation, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> ModelAge().check(Observation(none, none, champion_age_days=200.0)).fired
    True
    """

    name: ClassVar[str] = "model_age"

    maximum_days: float = Field(default=180.0, gt=0.0)
    """Days after which meaning may have moved unseen: half a year, to be set to the domain."""

    def check(self, observation: Observation) -> Signal:
        """Compare the champion's age with ``maximum_days``."""
        age = observation.champion_age_days
        if not math.isfinite(age) or age < 0:
            raise ValueError(f"champion_age_days must be a number of days from 0, got {age}")
        fired = age >= self.maximum_days
        return Signal(
            self.name,
            fired,
            f"the champion learned {age:.0f} days ago ({self.maximum_days:.0f} are allowed)",
            effect=age,
            threshold=self.maximum_days,
            cause="temporal" if fired else None,
        )
