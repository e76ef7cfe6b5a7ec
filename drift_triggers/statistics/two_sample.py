"""Statistics of two samples: kernel and classifier tests with permutation p-values.

All tests here are label-permutation tests: exact under exchangeability, whatever the data look
like. A permuted statistic needs no new kernel, only new labels, and the labels of all permutations
fit in one matrix, so that a whole test is a single matrix product.
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
"""Rows of the kernel in one product: thin strips skip more of its mirrored half, wide ones run
faster."""


@dataclass(frozen=True)
class PermutationTest:
    """A statistic beside its values under permuted labels."""

    statistic: float
    """Observed value; larger means farther apart."""
    null: NDArray[np.float64]
    """Values under permuted labels, shape ``(permutations,)``."""

    @property
    def p_value(self) -> float:
        """The valid p-value ``(1 + #{null >= statistic}) / (1 + permutations)``."""
        return float((1 + np.count_nonzero(self.null >= self.statistic)) / (1 + len(self.null)))

    @property
    def tail_p_value(self) -> float:
        """``p_value``, continued beyond the last permutation by a Pearson type III fit.

        The fit (mean, variance and skewness of the null, as in Gretton et al. 2009) is asked only
        when fewer than ten permuted values reach the statistic, so that the plain count decides
        wherever it can. Spread and skewness are taken two standard errors too large: at their
        estimates the fit claims a tail of a half to a quarter of the true one at 1e-4 and beyond
        (``benchmarks/detection.py``, validity).
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

    Bandwidths are the median distance times sqrt(2), 1 and 1/sqrt(2), so that one scale need not
    be chosen (Gretton et al. 2012). Each is the square of the one before: one ``exp`` for all.

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
    # The median of a few thousand entries is as good as that of millions and far cheaper.
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
    strata: NDArray[np.integer[Any]] | None = None,
) -> NDArray[np.float32]:
    """Draw label vectors from the null, one a column, shape ``(n, permutations)``.

    Parameters
    ----------
    labels
        True for each row of the second sample, in time order, shape ``(n,)``.
    block
        Rows that keep together: the labels are rotated by a random offset within the order and
        whole blocks change place, so that neighbours in time stay neighbours.
    strata
        Group of each row: labels move only within a group, so that the mix of groups is kept.
    """
    n = len(labels)
    columns: NDArray[np.float32] = np.empty((n, permutations), dtype=np.float32)
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        bounds = np.flatnonzero(np.diff(strata[order], prepend=-1, append=-1)).tolist()
        for start, stop in pairwise(bounds):
            member = order[start:stop]
            columns[member] = _drawn(
                generator, permutations, stop - start, int(labels[member].sum())
            )
        return columns
    if block <= 1:
        columns[:] = _drawn(generator, permutations, n, int(labels.sum()))
        return columns
    offsets = generator.integers(block, size=permutations)
    for offset in np.unique(offsets):
        chosen = np.flatnonzero(offsets == offset)
        member = (np.arange(n) + offset) // block
        sizes = np.bincount(member)
        place = np.arange(n) - (np.cumsum(sizes) - sizes)[member]
        order = np.broadcast_to(np.arange(len(sizes)), (len(chosen), len(sizes))).copy()
        order = generator.permuted(order, axis=1)
        ends = np.cumsum(sizes[order], axis=1)
        # The shuffled blocks are dealt out from the front: what lies beyond the first sample's
        # size is the second sample; one block may be cut in two.
        taken = np.clip(ends - (n - int(labels.sum())), 0, sizes[order])
        share = np.empty_like(taken)
        np.put_along_axis(share, order, taken, axis=1)
        columns[:, chosen] = (place[:, None] >= (sizes[:, None] - share.T)[member]).astype(
            np.float32
        )
    return columns


def _drawn(generator: np.random.Generator, draws: int, size: int, chosen: int) -> NDArray[np.bool_]:
    """Draw ``chosen`` of ``size`` places, one draw a column: those with the smallest keys."""
    if chosen in (0, size):
        return np.full((size, draws), chosen > 0)
    # Keys are 53 bits wide, so that two are equal in one of a million million draws.
    keys = generator.random((draws, size))
    limit = np.partition(keys, chosen - 1, axis=1)[:, chosen - 1 : chosen]
    return (keys <= limit).T


def discrepancies(kernel: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the unbiased squared maximum mean discrepancy of each labelling of the same rows.

    One matrix product serves all labellings: with labels z, the kernel within the second sample
    sums to ``z @ K @ z``, and row sums of K give all the rest (Gretton et al. 2012, eq. 3). K is
    its own mirror image, so that strips of the upper half are enough.

    Parameters
    ----------
    kernel
        Pooled kernel, symmetric, shape ``(n, n)``.
    columns
        1 for rows of the second sample, else 0, shape ``(n, labellings)``; both samples of each
        labelling need two rows.
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
    """Rank values among the known ones of the same stratum (van Elteren 1960).

    Parameters
    ----------
    known, known_strata
        What is usual, and to which stratum each belongs; each stratum of `strata` needs one.
    values, strata
        What is to be ranked.

    Returns
    -------
    The share of known values of the stratum that lie below (half of the equal ones counted), for
    each value, and the one-sided p-value of "larger than usual for the stratum".
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
