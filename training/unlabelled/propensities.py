"""Propensities: how often each position of a result list is looked at, from the log itself."""

from dataclasses import dataclass as plain_dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS

_ROUNDS = 500
_SETTLED = 1e-7


@plain_dataclass(frozen=True, eq=False)
class Impressions:
    """Results that were shown, one entry per result and line."""

    result: NDArray[np.int64]
    """Number of the (query, document)."""
    position: NDArray[np.int64]
    """Its place in the list, from 0."""
    clicked: NDArray[np.bool_]
    """Whether it was clicked."""
    weight: NDArray[np.float64]
    """How much of a vote the line counts, above 0."""


@plain_dataclass(frozen=True, eq=False)
class Propensities:
    """How often each position is looked at, compared with the one that is looked at most."""

    values: NDArray[np.float64]
    """(positions,): the propensity of each, above 0 and at most 1."""
    swaps: int
    """Results that were shown at several positions and clicked: what the values rest on."""

    @property
    def measured(self) -> bool:
        """Whether the log tells the propensities; otherwise they are 1/rank."""
        return self.swaps > 0


@dataclass(frozen=True, config=SETTINGS)
class Harvest:
    """Estimate propensities from results that one query showed at different positions.

    The same document for the same query is as relevant at rank 2 as at rank 5; where it was shown
    at both, the ratio of its click rates is the ratio of the propensities, whatever it is worth.
    All pairs of positions together are a Bradley-Terry model: a click at rank 2 of a document that
    was also shown at rank 5 is a win of 2 over 5, each side weighted to as many impressions as the
    other. A few imagined clicks in the ratio of 1/rank keep positions with few swaps in place;
    without any swap they are all there is.

    References
    ----------
    Joachims et al. 2017 (counterfactual learning to rank); Agarwal et al. 2019 (intervention
    harvesting, all pairs of positions).

    Examples
    --------
    >>> once = np.zeros(0, dtype=np.int64)
    >>> nothing = Impressions(once, once, once.astype(bool), once.astype(float))
    >>> Harvest().propensities(nothing, positions=4).values.round(2).tolist()
    [1.0, 0.5, 0.33, 0.25]
    """

    imagined: float = Field(default=4.0, gt=0.0)
    """Imagined clicks per pair of neighbouring positions, in the ratio of 1/rank."""
    smallest: float = Field(default=0.02, gt=0.0, lt=1.0)
    """Smallest propensity: no click counts as more than 1 divided by this."""

    def propensities(self, impressions: Impressions, positions: int) -> Propensities:
        """Return the propensity of each position.

        Parameters
        ----------
        impressions
            What was shown and clicked.
        positions
            Length of the longest list.
        """
        prior = 1.0 / np.arange(1, positions + 1)
        if positions < 2:
            return Propensities(prior, 0)
        wins, swaps = _wins(impressions, positions)
        upper = np.arange(positions - 1)
        both = prior[:-1] + prior[1:]
        wins[upper, upper + 1] += self.imagined * prior[:-1] / both
        wins[upper + 1, upper] += self.imagined * prior[1:] / both
        values = _bradley_terry(wins, prior)
        return Propensities(np.clip(values / values.max(), self.smallest, 1.0), swaps)


def _wins(impressions: Impressions, positions: int) -> tuple[NDArray[np.float64], int]:
    """Return (positions, positions): clicks at the row of results that the column showed too."""
    cell = impressions.result * positions + impressions.position
    cells, place = np.unique(cell, return_inverse=True)
    shown = np.bincount(place, impressions.weight, len(cells))
    clicks = np.bincount(place, impressions.weight * impressions.clicked, len(cells))
    result, position = cells // positions, cells % positions
    wins = np.zeros((positions, positions))
    swapped = np.zeros(len(cells), dtype=bool)
    # Cells are sorted by result: those of one result lie at most `positions` - 1 rows apart.
    for apart in range(1, positions):
        first, second = slice(None, len(cells) - apart), slice(apart, None)
        same = result[first] == result[second]
        if not same.any():
            break
        one, two = position[first][same], position[second][same]
        shown_one, shown_two = shown[first][same], shown[second][same]
        clicks_one, clicks_two = clicks[first][same], clicks[second][same]
        share = 1.0 / (shown_one + shown_two)
        np.add.at(wins, (one, two), clicks_one * shown_two * share)
        np.add.at(wins, (two, one), clicks_two * shown_one * share)
        swapped[first] |= same & (clicks[first] + clicks[second] > 0)
    return wins, len(np.unique(result[swapped]))


def _bradley_terry(wins: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the strengths of highest likelihood, by Hunter's MM rounds (2004)."""
    games, won = wins + wins.T, wins.sum(axis=1)
    values: NDArray[np.float64] = start / start.max()
    for _ in range(_ROUNDS):
        expected = (games / (values[:, None] + values[None, :])).sum(axis=1)
        updated: NDArray[np.float64] = won / expected
        updated /= updated.max()
        if np.abs(updated - values).max() < _SETTLED:
            return updated
        values = updated
    return values
