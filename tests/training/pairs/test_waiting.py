"""Waiting pairs: bounded, and never so that the gate could decide less."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from training.pairs import HoldOut, Pair, PerSource, Waiting, used_of

SIZES = some.dictionaries(some.text(max_size=3), some.integers(1, 500), min_size=1, max_size=30)


@given(sizes=SIZES, most=some.integers(2, 2000), newest=some.floats(0.0, 1.0))
def test_no_more_pairs_are_used_than_the_bound_and_nearly_as_many(sizes, most, newest):
    found = Waiting(pairs=most, newest=newest).per_source(sizes)
    used = used_of(sizes, found)
    assert used == min(used, most, sum(sizes.values()))
    if sum(sizes.values()) <= most:
        assert found is None
    else:
        assert used > most - len(sizes)


def test_a_source_that_brings_few_pairs_keeps_all_of_them():
    found = Waiting(pairs=1000).per_source({"fast": 90_000, "other": 40_000, "slow": 200})
    assert found == PerSource(newest=200, spread=200)
    assert used_of({"slow": 200}, found) == 200


def test_more_sources_than_places_share_them_without_order():
    found = Waiting(pairs=10).per_source({str(number): 1 for number in range(50)})
    assert found == PerSource(newest=5, spread=5, divided=False)


@pytest.mark.parametrize("holdout", [HoldOut(), HoldOut(share=0.05), HoldOut(maximum=3000)])
def test_the_default_holds_out_as_many_queries_as_a_hundred_times_the_pairs_would(holdout):
    most = Waiting().within(holdout).pairs
    many = [Pair(str(number), f"question {number}", "answer") for number in range(most)]
    held_out = holdout.split(many)[1]
    assert len(held_out) == holdout.maximum
    # With as many queries, the gate detects drops as small, however many pairs wait besides.
    assert most >= 5 * holdout.filled_by


def test_a_bound_below_what_fills_the_hold_out_is_refused_with_the_smallest_allowed():
    with pytest.raises(ValueError, match=r"999 pairs cannot fill the hold-out.*allowed: 1000"):
        Waiting(pairs=999).within(HoldOut())
    assert Waiting(pairs=1000).within(HoldOut()).pairs == 1000
    assert Waiting(pairs=2).within(HoldOut(share=0.0)).pairs == 2
