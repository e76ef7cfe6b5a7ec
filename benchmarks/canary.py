"""How often a canary is wrong, and how soon it finds harm, over simulated lives.

    python benchmarks/canary.py            # docs/measurements/canary.md; about five minutes
    python benchmarks/canary.py --lives 5   # a sample

In each life, 20,000 users are divided by chance, and the canary is checked after every user: with
the bounds of `pipeline.gate.anytime`, and with a two-sample z-test at the same error that is made
anew at each check, as people do who watch a dashboard. A user has one to five queries that succeed
together: the score of a user is their mean.
"""

import argparse

import numpy as np
from scipy.stats import norm

from pipeline.gate import Canary, Outcomes
from pipeline.gate.anytime import keys_until_shown

KEYS = 20_000
FIRST_LOOK = 50
"""Users of each version before the first z-test."""
CASES = {
    "success 40 %, the same": ("success", 0.6, 0.6),
    "success 40 % -> 37 %": ("success", 0.6, 0.63),
    "success 40 % -> 35 %": ("success", 0.6, 0.65),
    "success 40 % -> 30 %": ("success", 0.6, 0.7),
    "success 40 % -> 20 %": ("success", 0.6, 0.8),
    "empty 2 %, the same": ("empty", 0.02, 0.02),
    "empty 2 % -> 5 %": ("empty", 0.02, 0.05),
    "empty 2 % -> 20 %": ("empty", 0.02, 0.2),
    "empty 2 % -> all": ("empty", 0.02, 1.0),
    "slow 5 %, the same": ("slow", 0.05, 0.05),
    "slow 5 % -> 15 %": ("slow", 0.05, 0.15),
    "slow 5 % -> 50 %": ("slow", 0.05, 0.5),
}
"""Name -> metric, and how often it is bad with the champion and with the candidate."""


def life(chance: np.random.Generator, share: float, bad: tuple[float, float]) -> Outcomes:
    """Return what the users of one life met, each by the mean of the queries."""
    candidate = chance.random(KEYS) < share
    rate = np.where(candidate, bad[1], bad[0])
    # Users differ: some find what they want nearly always, others seldom.
    spread = 4.0
    own = np.where(
        (rate > 0) & (rate < 1),
        chance.beta(np.clip(rate, 1e-9, 1) * spread, np.clip(1 - rate, 1e-9, 1) * spread),
        rate,
    )
    queries = chance.integers(1, 6, KEYS)
    return Outcomes(chance.binomial(queries, own) / queries, candidate)


def watched_z(outcomes: Outcomes, tolerated: float, alpha: float) -> int | None:
    """Return after how many users a z-test at every check says that the candidate is worse."""
    bad, arm = outcomes.bad, outcomes.candidate
    numbers, means, errors = [], [], []
    for chosen in (~arm, arm):
        number = np.cumsum(chosen)
        mean = np.cumsum(bad * chosen) / np.maximum(number, 1)
        squares = np.cumsum(bad**2 * chosen) / np.maximum(number, 1)
        numbers.append(number)
        means.append(mean)
        errors.append((squares - mean**2) / np.maximum(number, 1))
    error = np.sqrt(np.maximum(sum(errors), 1e-12))
    checked = np.minimum(*numbers) >= FIRST_LOOK
    z = (means[1] - means[0] - tolerated) / error
    found = np.flatnonzero(checked & (z > norm.isf(alpha)))
    return int(found[0]) + 1 if len(found) else None


def summary(found: list[int | None]) -> str:
    """Return how many lives were stopped, and after how many users."""
    stopped = [keys for keys in found if keys is not None]
    after = f"{int(np.median(stopped)):,}" if len(stopped) > len(found) / 2 else "–"
    return f"{len(stopped) / len(found):.1%} | {after}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lives", type=int, default=60)
    lives = parser.parse_args().lives
    print("| case | share | stopped | users until then | z-test at every check: stopped | users |")
    print("|---|---|---|---|---|---|")
    for case, (metric, *bad) in CASES.items():
        for share in (0.05, 0.2, 0.5):
            canary = Canary(share=share)
            tolerated = {"success": 0.0, "empty": canary.max_empty, "slow": canary.max_slow}[metric]
            chance = np.random.default_rng(0)
            ours, naive = [], []
            for _ in range(lives):
                outcomes = life(chance, share, (bad[0], bad[1]))
                steps, lowest, _ = canary.steps(outcomes)
                ours.append(keys_until_shown(steps, lowest, tolerated, canary.alpha))
                naive.append(watched_z(outcomes, tolerated, canary.alpha))
            print(f"| {case} | {share:.0%} | {summary(ours)} | {summary(naive)} |", flush=True)
    print("\n| success | share | promoted early | users until then |\n|---|---|---|---|")
    for rate in (0.4, 0.37):
        for share in (0.05, 0.2, 0.5):
            canary = Canary(share=share)
            chance = np.random.default_rng(1)
            early = []
            for _ in range(lives):
                outcomes = life(chance, share, (0.6, 1 - rate))
                steps, _, highest = canary.steps(outcomes)
                early.append(keys_until_shown(-steps, -highest, -canary.margin, canary.alpha))
            print(f"| 40 % -> {rate:.0%} | {share:.0%} | {summary(early)} |", flush=True)


if __name__ == "__main__":
    main()
