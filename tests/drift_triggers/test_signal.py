"""Observations refuse what no trigger could read."""

import numpy as np
import pytest

from drift_triggers.signal import Observation, Sample, Signal


def rows(count, dimensions=4):
    return np.eye(count, dimensions, dtype=np.float32)


def test_a_sample_names_the_text_whose_embedding_is_not_a_number():
    embeddings = rows(3)
    embeddings[1, 0] = np.nan
    with pytest.raises(ValueError, match="row 1: 'second'"):
        Sample(("first", "second", "third"), embeddings)


@pytest.mark.parametrize("shape", [(2, 4), (3,)])
def test_a_sample_refuses_embeddings_that_do_not_match_its_texts(shape):
    with pytest.raises(ValueError, match=r"one row per text \(3\)"):
        Sample(("a", "b", "c"), np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "column", [{"sources": ("x",)}, {"timestamps": np.zeros(1)}, {"words": ((),)}]
)
def test_a_sample_refuses_columns_of_another_length(column):
    with pytest.raises(ValueError, match="must have 2 entries, got 1"):
        Sample(("a", "b"), rows(2), **column)


def test_an_observation_tells_which_side_is_empty_and_which_encoders_differ():
    some, none = Sample(("a",), rows(1)), Sample((), rows(0))
    with pytest.raises(ValueError, match="recent must contain at least one text"):
        Observation(none, some).require_texts()
    with pytest.raises(ValueError, match="reference must contain at least one text"):
        Observation(some, none).require_texts()
    with pytest.raises(ValueError, match="got 4 and 7 dimensions"):
        Observation(some, Sample(("a",), rows(1, 7))).require_texts()


def test_a_signal_without_a_measurement_says_why_and_neither_fires_nor_has_a_p_value():
    signal = Signal.unmeasured("rain", "no weather was given")
    assert (signal.fired, signal.measured, signal.p_value) == (False, False, None)
    assert signal.reason == "not measured: no weather was given"
    assert Signal.too_few("rain", 3, 20, "texts").measured is False
    for change in ({"fired": True}, {"fired": False, "p_value": 0.5}):
        with pytest.raises(ValueError, match="not measured must not fire or have a p-value"):
            Signal("rain", reason="wet", measured=False, **change)


def test_signals_are_measured_unless_they_say_otherwise():
    assert Signal("rain", False, "dry").measured
