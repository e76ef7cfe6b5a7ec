"""How recent texts fill the regions of the known ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_triggers.statistics.view import View

TEXTS_IN_REGION = 25
"""Known texts per region on average, as the triggers divide them."""
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Shares of known and recent texts by region; shown only, nothing is decided by it."""

    known: NDArray[np.float64]
    """Share of the known texts in each region, shape ``(regions,)``."""
    recent: NDArray[np.float64]
    """Share of the recent texts whose nearest centre is that of the region, ``(regions,)``."""
    central: NDArray[np.int64]
    """Row, in the view of the known texts, of the text nearest to the centre of each region."""
    by_chance: float
    """Mean total variation if both sides were drawn from the same texts, each on its own."""

    @classmethod
    def of(cls, known: View, recent: View, seed: int) -> "Occupancy":
        """Divide the known texts into regions and count both sides in them.

        Texts of one session count as independent here, so that ``by_chance`` is a little low where
        users ask in sessions.
        """
        regions = known.ground.regions(recent.embeddings, TEXTS_IN_REGION, seed)
        names = np.unique(regions.own)
        before = np.array([(regions.own == name).sum() for name in names])
        now = np.array([(regions.other == name).sum() for name in names])
        central = [
            int(rows[np.argmin(regions.own_distance[rows])])
            for rows in (np.flatnonzero(regions.own == name) for name in names)
        ]
        generator = np.random.default_rng([seed, 19])
        pooled = before + now
        drawn = generator.multivariate_hypergeometric(
            pooled, int(now.sum()), size=_DRAWS, method="marginals"
        )
        others = (pooled - drawn) / before.sum()
        chance = np.abs(drawn / now.sum() - others).sum(axis=1) / 2.0
        return cls(before / before.sum(), now / now.sum(), np.array(central), float(chance.mean()))

    @property
    def total_variation(self) -> float:
        """Half of the sum of the differences between the shares, 0 (alike) to 1."""
        return float(np.abs(self.recent - self.known).sum() / 2.0)

    @property
    def jensen_shannon(self) -> float:
        """Jensen-Shannon divergence between the shares in bits, 0 to 1."""
        middle = (self.known + self.recent) / 2.0
        parts = []
        for side in (self.known, self.recent):
            there = side > 0
            parts.append(float((side[there] * np.log2(side[there] / middle[there])).sum()))
        return max(0.0, sum(parts) / 2.0)
