"""Passes: every text once, none too large, and little padding."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.service.passes import passes

LENGTHS = st.lists(st.integers(0, 600), max_size=80)


@given(LENGTHS, st.integers(1, 2048))
def test_every_text_is_in_exactly_one_pass(lengths, most):
    found = passes(lengths, most)
    assert sorted(place for each in found for place in each) == list(range(len(lengths)))
    assert all(found)


@given(LENGTHS, st.integers(1, 2048))
def test_no_pass_of_several_texts_has_more_tokens_than_allowed(lengths, most):
    for each in passes(lengths, most):
        padded = len(each) * max(1, *(lengths[place] for place in each), 1)
        assert len(each) == 1 or padded <= most


def test_texts_of_very_different_length_do_not_share_a_pass():
    lengths = [10, 500] * 8
    assert [{lengths[place] for place in each} for each in passes(lengths, 10_000)] == [{10}, {500}]
