"""Passes: every text once, none too large, and little padding."""

import numpy as np
import pytest

from pipeline.service.passes import passes


def made_up(seed):
    """Return lengths of texts, and how many tokens a pass may have."""
    random = np.random.default_rng(seed)
    longest = random.integers(1, 600)
    lengths = random.integers(0, longest, size=random.integers(0, 80)).tolist()
    return lengths, int(random.integers(1, 2048))


@pytest.mark.parametrize("seed", range(40))
def test_every_text_is_in_one_pass_and_none_of_several_is_too_large(seed):
    lengths, most = made_up(seed)
    found = passes(lengths, most)
    assert sorted(place for each in found for place in each) == list(range(len(lengths)))
    assert all(found)
    for each in found:
        padded = len(each) * max(1, max(lengths[place] for place in each))
        assert len(each) == 1 or padded <= most


def test_texts_of_very_different_length_do_not_share_a_pass():
    lengths = [10, 500] * 8
    assert [{lengths[place] for place in each} for each in passes(lengths, 10_000)] == [{10}, {500}]
