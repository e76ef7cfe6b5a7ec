"""Observations refuse what no trigger could read."""

import numpy as np
import pytest

from drift_triggers.signal import Observation, Sample


def rows(count, dimensions=4):
    return np.eye(count, dimensions, dtype=np.float32)


def test_a_sample_names_the_text_whose_embedding_is_not_a_number():
    embeddings = rows(3)
    embeddings[1, 0] = np.nan
    with pytest.raises(ValueError, match="row 1: 'second'"):
        Sample(("first", "second", "third"), embeddings)


@pytest.mark.parametrize("shape", [(2, 4), (3,)])
def test_a_sample_refuses_embeddings_that_do_not_match_its_texts(shape):
    with pytest.raises(ValueError, match="one row for each of the 3 texts"):
        Sample(("a", "b", "c"), np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    "column", [{"sources": ("x",)}, {"timestamps": np.zeros(1)}, {"words": ((),)}]
)
def test_a_sample_refuses_columns_of_another_length(column):
    with pytest.raises(ValueError, match="must have 2 entries, got 1"):
        Sample(("a", "b"), rows(2), **column)


def test_an_observation_tells_which_side_is_empty_and_which_encoders_differ():
    some, none = Sample(("a",), rows(1)), Sample((), rows(0))
    with pytest.raises(ValueError, match="recent must hold at least one text"):
        Observation(none, some).require_texts()
    with pytest.raises(ValueError, match="reference must hold at least one text"):
        Observation(some, none).require_texts()
    with pytest.raises(ValueError, match="got 4 and 7 dimensions"):
        Observation(some, Sample(("a",), rows(1, 7))).require_texts()
