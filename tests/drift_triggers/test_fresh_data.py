"""A schedule by number of pairs."""

import numpy as np
import pytest

from drift_triggers.fresh_data import FreshData
from drift_triggers.signal import Observation, Sample

NONE = Sample((), np.empty((0, 2), np.float32))


@pytest.mark.parametrize(("pairs", "fired"), [(0, False), (999, False), (1000, True), (5000, True)])
def test_it_fires_from_the_set_number_of_new_pairs_on(pairs, fired):
    signal = FreshData().check(Observation(NONE, NONE, new_pairs=pairs))
    assert signal.fired is fired
    assert signal.p_value is None
    assert str(pairs) in signal.reason


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        FreshData().check(Observation(NONE, NONE, new_pairs=-1))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        FreshData(minimum_pairs=0)
