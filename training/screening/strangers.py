"""Strangers: pairs with a text unlike everything else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.pairs import Encode, Pair, hash_share
from training.screening.ranks import FEWEST

_COMPARED = 200
_DRAWN = 4_000  # largest number of surrounding texts that neighbours are looked for in
_BLOCK = 1_024


def strangers(
    pairs: Sequence[Pair], encode: Encode, surroundings: Sequence[str], seed: int
) -> set[int]:
    """Return the rows of the pairs with a text unlike everything else; none of fewer than 30.

    A text is a stranger if its cosine with its nearest neighbour is below the lower fence: one and
    a half quartile distances below the first quartile (Tukey, "Exploratory Data Analysis", 1977; of
    normal values, 1 in 290 is). Where texts repeat each other, quartiles lie too close together; a
    quartile distance counts as at least a quarter of the way from unrelated texts to nearest
    neighbours. A new topic is like itself, and is no stranger.

    Parameters
    ----------
    pairs
        Pairs whose texts are also each other's neighbours.
    encode
        Returns unit vectors, (texts, dimensions).
    surroundings
        Further texts in which neighbours are looked for; of many, some.
    seed
        Seed of the choice of them.
    """
    queries = list(dict.fromkeys(pair.query for pair in pairs))
    positives = list(dict.fromkeys(pair.positive for pair in pairs))
    if len(queries) < FEWEST:
        return set()
    drawn = sorted(
        dict.fromkeys(surroundings),
        key=lambda text: (hash_share(seed, "surroundings", text), text),
    )[:_DRAWN]
    around = list(dict.fromkeys([*drawn, *positives, *queries]))
    known = np.asarray(encode(around))
    place = {text: row for row, text in enumerate(around)}
    strange = set()
    for texts in (queries, positives):
        if len(texts) < FEWEST:
            continue
        rows = np.array([place[text] for text in texts])
        nearest = _nearest(known, rows)
        low, middle, high = np.quantile(nearest, [0.25, 0.5, 0.75])
        unrelated = float(np.median(known[rows] @ known[:: 1 + len(known) // _COMPARED].T))
        fence = low - 1.5 * max(high - low, (middle - unrelated) / 4)
        strange |= {text for text, value in zip(texts, nearest, strict=True) if value < fence}
    return {
        row for row, pair in enumerate(pairs) if pair.query in strange or pair.positive in strange
    }


def _nearest(known: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cosine of each of these rows with its nearest other row."""
    found = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        cosines = known[some] @ known.T
        cosines[np.arange(len(some)), some] = -1.0
        found[start : start + len(some)] = cosines.max(axis=1)
    return found
