"""The champion was trained too long ago."""

import math
from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ModelAge:
    """Fire when the champion is old: a schedule, not a test for drift.

    Notes
    -----
    The effect is the age in days. Always measured.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import ModelAge, Observation, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> ModelAge().check(Observation(none, none, champion_age_days=200.0)).reason
    'the champion was trained 200 days ago (limit 180)'
    >>> ModelAge().check(Observation(none, none, champion_age_days=20.0)).fired
    False
    """

    name: ClassVar[str] = "model_age"

    maximum_days: float = Field(default=180.0, gt=0.0)
    """Age of the champion in days that starts a training; depends on the domain."""

    def check(self, observation: Observation) -> Signal:
        """Compare the champion's age with ``maximum_days``."""
        age = observation.champion_age_days
        if not math.isfinite(age) or age < 0:
            raise ValueError(f"champion_age_days must be a number of days, at least 0, got {age}")
        fired = age >= self.maximum_days
        return Signal(
            self.name,
            fired,
            f"the champion was trained {age:.0f} days ago (limit {self.maximum_days:.0f})",
            effect=age,
            threshold=self.maximum_days,
            cause="temporal" if fired else None,
        )
