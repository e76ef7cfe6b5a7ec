"""The design: which queries are asked about, with what chance, in what order."""

from collections.abc import Hashable, Sequence

import numpy as np

from pipeline.judging.confidence import Floats

LEAST = 0.3
"""Smallest probability with which a query whose rankings differ is asked about."""


def difference(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Return how much two rankings differ to a reader: 0 for equal ones, 1 for disjoint ones.

    Half the sum, over all documents, of the change in attention; attention to a rank is its
    discount in nDCG, ``1 / log2(1 + rank)``, as a share of the sum over ranks.

    Examples
    --------
    >>> difference("abc", "abc"), round(difference("abc", "xyz"), 6)
    (0.0, 1.0)
    >>> print(f"{difference('abc', 'bac'):.2f} {difference('abc', 'abx'):.2f}")
    0.17 0.23
    """
    if tuple(first) == tuple(second):
        return 0.0
    depth = max(len(first), len(second))
    attention = 1 / np.log2(np.arange(2, depth + 2))
    attention /= attention.sum()
    change: dict[Hashable, float] = {}
    for sign, ranking in ((1, first), (-1, second)):
        for rank, document in enumerate(ranking):
            change[document] = change.get(document, 0.0) + sign * float(attention[rank])
    return min(1.0, sum(map(abs, change.values())) / 2)


def probabilities(differences: Floats) -> Floats:
    """Return with which probability a line of the log is asked about.

    Lines whose answer is expected to add most are always asked about; others in proportion to the
    expected spread of the answer (Neyman's allocation), which is the square root of the probability
    that the reader prefers one side: the more the rankings differ, the likelier.

    Parameters
    ----------
    differences
        (lines,): how much the rankings of each differ, in [0, 1]; 0 needs no answer.

    Examples
    --------
    >>> probabilities(np.array([0.0, 0.01, 0.25, 1.0])).tolist()
    [0.0, 0.3, 0.5, 1.0]
    """
    chosen = np.sqrt(differences / max(float(differences.max(initial=0.0)), 1e-12))
    wanted: Floats = np.where(differences > 0, np.maximum(chosen, LEAST), 0.0)
    return wanted
