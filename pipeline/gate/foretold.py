"""The chance that a candidate passes the gate, foretold from pairs that were set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pipeline.gate.bounds import approximate_error
from pipeline.gate.gate import Gate

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(32)


@dataclass(frozen=True)
class Condition:
    """One condition of the gate: a set of so many queries, and what its lower bound must exceed."""

    queries: int
    required: float


@dataclass(frozen=True)
class Foretold:
    """Foretells whether a candidate passes every condition of the gate.

    A selection set that scatters by `spread` around a mean `m` leaves the true difference unknown
    by about ``spread / sqrt(n)``. Whatever it is, the bound that the gate finds on another sample
    scatters around it, and lies below it by the quantile of its confidence. The chance is the mean,
    over what the true difference may be, of the chance that all bounds clear what is required. The
    approximation to the bound is that of `visible_drop`, its unseen query included. The old sets
    are taken to share one true difference, that of the old side of the selection split, and old
    and new side to be independent.

    Attributes
    ----------
    gate
        Its confidence and its assumed worst loss count.
    new, old
        The conditions on either side.

    Examples
    --------
    >>> foretold = Foretold(Gate(), [Condition(200, 0.0)], [Condition(300, -0.02)])
    >>> strong = np.tile([0.4, 0.0, -0.1, 0.0], 25), np.tile([0.3, -0.3, 0.0, 0.0], 25)
    >>> gentle = strong[0] / 2, strong[1] / 4
    >>> print(f"{foretold.of(*strong):.2f} {foretold.of(*gentle):.2f}")
    0.46 0.91
    """

    gate: Gate
    new: Sequence[Condition]
    old: Sequence[Condition]

    def of(self, new: NDArray[np.float64], old: NDArray[np.float64]) -> float:
        """Return the chance of a candidate, in [0, 1].

        Parameters
        ----------
        new, old
            Its differences from the champion on the selection split, one per query; not empty.
        """
        return self._side(new, self.new) * self._side(old, self.old)

    def _side(self, differences: NDArray[np.float64], conditions: Sequence[Condition]) -> float:
        mean, spread = float(differences.mean()), float(differences.std())
        _, unsure = approximate_error(len(differences), spread, self.gate.worst_loss)
        possible = mean + unsure * _NODES
        chance = np.ones_like(possible)
        normal = NormalDist()
        for each in conditions:
            unseen, error = approximate_error(each.queries, spread, self.gate.worst_loss)
            reached = (possible - unseen - each.required) / error
            below = normal.inv_cdf(self.gate.confidence)
            chance *= [normal.cdf(value - below) for value in reached]
        return float(chance @ _WEIGHTS / _WEIGHTS.sum())
