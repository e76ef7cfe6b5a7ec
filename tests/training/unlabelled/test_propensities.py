"""Propensities: the positions' own share in clicks, from results that changed their position."""

import numpy as np
import pytest
from made_clicks import made_log

from training.unlabelled.propensities import Harvest
from training.unlabelled.votes import Ballot


def propensities_of(made):
    impressions = Ballot().count(made.served, made.corpus).impressions
    return Harvest().propensities(impressions, positions=10)


@pytest.mark.parametrize("power", [0.0, 0.5, 2.0])
def test_any_curve_of_attention_is_found_from_swaps(power):
    found = propensities_of(made_log(queries=1500, visits=6, looked_at=lambda rank: rank**-power))
    truth = np.arange(1, 5) ** -power
    assert found.measured
    assert np.abs(np.log(found.values[:4] / truth)).max() < 0.45
    # 1/rank, the fallback, is farther from the truth.
    assert np.abs(found.values[:4] - truth).sum() < np.abs(1 / np.arange(1, 5) - truth).sum()


def test_how_good_the_results_at_a_rank_are_does_not_matter():
    found = propensities_of(made_log(queries=1500, visits=6, on_others=0.0))
    assert np.abs(np.log(found.values[:4] * np.arange(1, 5))).max() < 0.4


def test_without_swaps_positions_are_looked_at_as_one_by_rank():
    found = propensities_of(made_log(swapped=0.0))
    assert not found.measured
    assert found.values.round(3).tolist() == (1 / np.arange(1, 11)).round(3).tolist()
