"""Floods: one query that arrives again and again with small changes."""

from collections.abc import Sequence

from training.pairs.near_duplicates import NearDuplicates

_SIMILARITY = 0.6
"""Jaccard similarity of words or character runs: a template of eight words with another name in it
reaches 0.78. In clean batches, 3 % of the queries were so like one of them at most."""


def repetitions(queries: Sequence[str]) -> dict[str, str]:
    """Return normalised query -> the first query of which it is a small change, or itself.

    A query is compared with those that begin a repetition, so that a chain of small changes does
    not join texts that differ much.

    Parameters
    ----------
    queries
        Distinct normalised queries, in an order that does not matter much.

    Examples
    --------
    >>> spam = [f"please refund the order {number} that i paid" for number in range(3)]
    >>> found = repetitions([*spam[:2], "opening hours", spam[2]])
    >>> [found[query] == spam[0] for query in (*spam, "opening hours")]
    [True, True, True, False]
    """
    rows = [(text,) for text in queries]
    search = NearDuplicates(_SIMILARITY)
    firsts = [queries[row] for row in search.firsts(rows)]
    near = search.matches(rows, [(text,) for text in firsts])
    return {
        **{queries[row]: firsts[first] for row, first in near.items()},
        **{f: f for f in firsts},
    }
