"""Two-sample statistics: a kernel test with permutation p-values, and ranks within strata.

The kernel test permutes labels: it is exact under exchangeability, whatever the data look like. A
permuted statistic needs no new kernel, only new labels. The labels of all permutations fit in one
matrix, so a whole test is a single matrix product.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

STRIP = 1000
"""Rows of the kernel per product: narrow strips skip more of its mirrored half, wide ones run
faster."""


@dataclass(frozen=True)
class PermutationTest:
    """A statistic and its values under permuted labels."""

    statistic: float
    """Observed value; larger means a larger difference."""
    null: NDArray[np.float64]
    """Values under permuted labels, shape ``(permutations,)``."""

    @property
    def p_value(self) -> float:
        """The valid p-value ``(1 + #{null >= statistic}) / (1 + permutations)``."""
        return float((1 + np.count_nonzero(self.null >= self.statistic)) / (1 + len(self.null)))

    @property
    def tail_p_value(self) -> float:
        """``p_value``, continued beyond the last permutation by a Pearson type III fit.

        The fit (mean, variance and skewness of the null, as in Gretton et al. 2009) is used only
        when fewer than ten permuted values reach the statistic; otherwise the plain count decides.
        Spread and skewness are taken two standard errors too large: with their estimates, the fit
        gives a half to a quarter of the true tail at 1e-4 and beyond (``benchmarks/detection.py``,
        validity). Without spread there is no fit.
        """
        if np.count_nonzero(self.null >= self.statistic) >= 10:
            return self.p_value
        spread = float(self.null.std())
        if spread <= 0.0:
            return self.p_value
        draws = len(self.null)
        skew = max(0.0, float(scipy.stats.skew(self.null))) + 2.0 * math.sqrt(6.0 / draws)
        spread *= 1.0 + 2.0 / math.sqrt(2.0 * draws)
        score = (self.statistic - float(self.null.mean())) / spread
        return min(self.p_value, max(float(scipy.stats.pearson3.sf(score, skew)), 1e-300))


def rbf_kernel(rows: Floats) -> NDArray[np.float32]:
    """Sum of three Gaussian kernels around the median distance of the pooled rows.

    Bandwidths are the median distance times sqrt(2), 1 and 1/sqrt(2), so that no single scale must
    be chosen (Gretton et al. 2012). Each kernel is the square of the one before: one ``exp``
    computes all three.

    Parameters
    ----------
    rows
        Pooled sample, shape ``(n, dimensions)``, finite.

    Returns
    -------
    Kernel matrix of shape ``(n, n)`` in float32, ones (times three) on the diagonal.
    """
    data = np.ascontiguousarray(rows, dtype=np.float32)
    squares = np.einsum("ij,ij->i", data, data)
    distances: NDArray[np.float32] = data @ data.T
    distances *= -2.0
    distances += squares[:, None]
    distances += squares[None, :]
    np.maximum(distances, 0.0, out=distances)
    # The median of a few thousand entries is as good as that of millions, and far cheaper.
    step = max(1, len(data) // 300)
    few = distances[::step, ::step]
    median = float(np.median(few[~np.eye(len(few), dtype=bool)])) if len(few) > 1 else 1.0
    distances *= -0.25 / max(median, 1e-12)
    kernel = np.exp(distances, out=distances)
    square = kernel * kernel
    kernel += square
    square *= square
    kernel += square
    return kernel


def permuted_labels(
    generator: np.random.Generator,
    labels: NDArray[np.bool_],
    permutations: int,
    *,
    block: int = 1,
    groups: NDArray[np.integer[Any]] | None = None,
    strata: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.float32]:
    """Draw label vectors from the null, one per column, shape ``(n, permutations)``.

    Parameters
    ----------
    labels
        True for each row of the second sample, in time order, shape ``(n,)``.
    block
        Rows that stay together: the labels are rotated by a random offset, and whole blocks change
        places, so that neighbours in time stay neighbours.
    groups
        Group of each row, such as its session: its rows stay together, wherever they are.
    strata
        Stratum of each row: labels move only within a stratum, which keeps the mix of strata. Of a
        group, the rows of one stratum stay together.
    """
    n = len(labels)
    columns: NDArray[np.float32] = np.empty((n, permutations), dtype=np.float32)
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        bounds = np.flatnonzero(np.diff(strata[order], prepend=-1, append=-1)).tolist()
        for start, stop in pairwise(bounds):
            member = order[start:stop]
            second = int(labels[member].sum())
            columns[member] = (
                _drawn(generator, permutations, stop - start, second)
                if groups is None
                else _drawn_groups(generator, permutations, groups[member], second)
            )
        return columns
    if groups is not None:
        columns[:] = _drawn_groups(generator, permutations, groups, int(labels.sum()))
        return columns
    if block <= 1:
        columns[:] = _drawn(generator, permutations, n, int(labels.sum()))
        return columns
    offsets = generator.integers(block, size=permutations)
    for offset in np.unique(offsets):
        chosen = np.flatnonzero(offsets == offset)
        member = (np.arange(n) + offset) // block
        columns[:, chosen] = _drawn_groups(generator, len(chosen), member, int(labels.sum()))
    return columns


def _drawn_groups(
    generator: np.random.Generator, draws: int, groups: NDArray[np.integer[Any]], chosen: int
) -> NDArray[np.bool_]:
    """Draw ``chosen`` rows, whole groups of them, one draw per column."""
    member = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(member)
    if len(sizes) == len(groups):
        return _drawn(generator, draws, len(groups), chosen)
    by_group = np.argsort(member, kind="stable")
    place = np.empty(len(member), dtype=np.int64)
    place[by_group] = np.arange(len(member)) - (np.cumsum(sizes) - sizes)[member[by_group]]
    order = np.broadcast_to(np.arange(len(sizes)), (draws, len(sizes))).copy()
    order = generator.permuted(order, axis=1)
    ends = np.cumsum(sizes[order], axis=1)
    # The shuffled groups fill the first sample up to its size; the rest is the second sample. One
    # group may be split between them.
    taken = np.clip(ends - (len(groups) - chosen), 0, sizes[order])
    share = np.empty_like(taken)
    np.put_along_axis(share, order, taken, axis=1)
    return np.asarray(place[:, None] >= (sizes[:, None] - share.T)[member])


def _drawn(generator: np.random.Generator, draws: int, size: int, chosen: int) -> NDArray[np.bool_]:
    """Draw ``chosen`` of ``size`` places, one draw per column: those with the smallest keys."""
    if chosen in (0, size):
        return np.full((size, draws), chosen > 0)
    # Keys have 53 bits: two of them are equal in one of a million million draws.
    keys = generator.random((draws, size))
    limit = np.partition(keys, chosen - 1, axis=1)[:, chosen - 1 : chosen]
    return (keys <= limit).T


def discrepancies(kernel: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the unbiased squared maximum mean discrepancy of each labelling of the same rows.

    One matrix product serves all labellings: with labels z, the kernel within the second sample
    sums to ``z @ K @ z``, and row sums of K give the rest (Gretton et al. 2012, eq. 3). K is
    symmetric, so strips of its upper half are enough.

    Parameters
    ----------
    kernel
        Pooled kernel, symmetric, shape ``(n, n)``.
    columns
        1 for rows of the second sample, otherwise 0, shape ``(n, labellings)``.

    Returns
    -------
    One discrepancy per labelling, shape ``(labellings,)``; 0 on average when nothing differs.

    Raises
    ------
    ValueError
        A sample has fewer than two rows, for which the discrepancy is undefined.
    """
    total_rows = len(kernel)
    second = columns.sum(axis=0, dtype=np.float64)
    first = total_rows - second
    if min(first.min(initial=2), second.min(initial=2)) < 2:
        raise ValueError(
            f"both samples need at least 2 rows, got {int(first.min())} and {int(second.min())}"
        )
    diagonal = np.diag(kernel).astype(np.float64)
    rows = kernel.sum(axis=1, dtype=np.float64)
    within = np.zeros(columns.shape[1])
    for start in range(0, total_rows, STRIP):
        stop = start + STRIP
        products = kernel[start:stop, stop:] @ columns[stop:]
        products *= 2.0
        products += kernel[start:stop, start:stop] @ columns[start:stop]
        within += np.einsum("ij,ij->j", columns[start:stop], products, dtype=np.float64)
    touching = rows @ columns
    own = diagonal @ columns
    across = touching - within
    others = float(rows.sum()) - touching - across
    return np.asarray(
        (within - own) / (second * (second - 1))
        + (others - (float(diagonal.sum()) - own)) / (first * (first - 1))
        - 2.0 * across / (first * second)
    )


def kernel_two_sample(
    kernel: NDArray[np.float32], labels: NDArray[np.bool_], columns: NDArray[np.float32]
) -> PermutationTest:
    """Test with the maximum mean discrepancy; ``columns`` come from :func:`permuted_labels`."""
    stacked = np.column_stack([labels.astype(np.float32), columns])
    values = discrepancies(kernel, stacked)
    return PermutationTest(float(values[0]), values[1:])


def stratified_ranks(
    known: Floats,
    known_strata: NDArray[np.integer[Any]],
    values: Floats,
    strata: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.float64], float]:
    """Rank values among the known values of the same stratum (van Elteren 1960).

    Parameters
    ----------
    known, known_strata
        Usual values and the stratum of each; each stratum of ``strata`` must occur.
    values, strata
        Values to rank and the stratum of each.

    Returns
    -------
    For each value the share of known values of its stratum that are smaller, equal ones counted
    half, shape ``(values,)``; and the one-sided p-value of "larger than usual for the stratum".
    """
    ranks = np.empty(len(values))
    variance = 0.0
    for stratum in np.unique(strata):
        chosen = strata == stratum
        usual = np.sort(known[known_strata == stratum])
        below = np.searchsorted(usual, values[chosen], side="left")
        upto = np.searchsorted(usual, values[chosen], side="right")
        ranks[chosen] = (below + upto) / 2.0 / len(usual)
        size = int(chosen.sum())
        variance += size * (size + len(usual) + 1) / 12.0 / len(usual)
    score = float((ranks - 0.5).sum()) / math.sqrt(variance)
    return ranks, float(scipy.stats.norm.sf(score))
