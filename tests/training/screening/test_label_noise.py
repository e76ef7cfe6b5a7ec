"""Label noise: the estimate meets the truth, and says when the champion cannot tell."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.screening import estimate_noise


def mixture(size, wrong, base, seed):
    """Ranks of so many pairs: wrong ones are uniform, of right ones a share is, too."""
    generator = np.random.default_rng(seed)
    is_wrong = generator.random(size) < wrong
    in_worse = generator.random(size) < base
    right = np.where(in_worse, 0.5 + generator.random(size) / 2, generator.random(size) / 2)
    return np.where(is_wrong, generator.random(size), right), is_wrong.mean()


def test_the_interval_holds_the_true_share_nearly_always():
    inside = 0
    trials = [(wrong, base, seed) for wrong in (0.0, 0.1, 0.5) for base in (0.0, 0.1, 0.25)
              for seed in range(20)]  # fmt: skip
    for wrong, base, seed in trials:
        found, _ = mixture(300, wrong, base, seed)
        trusted, _ = mixture(300, 0.0, base, 1000 + seed)
        estimate = estimate_noise(found, trusted.tolist())
        inside += estimate.low <= wrong <= estimate.high
        assert abs(estimate.share - wrong) < 0.25
    assert inside >= 0.9 * len(trials)


def test_a_champion_that_ranks_trusted_pairs_by_chance_gives_no_estimate():
    ranks, _ = mixture(300, 0.0, 0.0, 0)
    assert estimate_noise(ranks, np.linspace(0.0, 1.0, 200).tolist()) is None


@given(st.lists(st.floats(0, 1), min_size=30, max_size=60), st.lists(st.floats(0, 1), max_size=60))
def test_shares_are_ordered_and_within_zero_and_one(ranks, trusted):
    found = estimate_noise(np.array(ranks), trusted)
    assert found is None or 0.0 <= found.low <= found.share <= found.high <= 1.0
