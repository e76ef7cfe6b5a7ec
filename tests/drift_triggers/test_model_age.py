"""A schedule by age."""

import numpy as np
import pytest

from drift_triggers.model_age import ModelAge
from drift_triggers.signal import Observation, Sample

NONE = Sample((), np.empty((0, 2), np.float32))


@pytest.mark.parametrize(("days", "fired"), [(0.0, False), (179.9, False), (180.0, True)])
def test_it_fires_from_the_set_age_on(days, fired):
    signal = ModelAge().check(Observation(NONE, NONE, champion_age_days=days))
    assert signal.fired is fired
    assert signal.p_value is None


@pytest.mark.parametrize("days", [-1.0, float("nan"), float("inf")])
def test_an_age_that_is_no_age_is_refused(days):
    with pytest.raises(ValueError, match="number of days"):
        ModelAge().check(Observation(NONE, NONE, champion_age_days=days))
