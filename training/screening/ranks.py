"""Where the positive of each pair ranks among random positives, for the champion."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.pairs import Encode, Pair, hash_share

FEWEST = 30
"""Pairs and distinct texts from which shares and quartiles say something."""
_COMPARED = 200  # random texts per pair: a rank among them is known to half a per cent
_BLOCK = 1_024


def ranks(pairs: Sequence[Pair], encode: Encode, seed: int) -> NDArray[np.float64] | None:
    """Return, per pair, the share of random positives that are at least as like its query.

    None where there are fewer than 30 pairs or distinct positives.

    Parameters
    ----------
    pairs
        Pairs of one source.
    encode
        Returns unit vectors, (texts, dimensions).
    seed
        Seed of the choice of random positives.
    """
    positives = sorted(
        {pair.positive for pair in pairs},
        key=lambda text: (hash_share(seed, "random positive", text), text),
    )
    if len(pairs) < FEWEST or len(positives) < FEWEST:
        return None
    drawn = positives[: _COMPARED + 1]
    place = {text: column for column, text in enumerate(drawn)}
    others = np.asarray(encode(drawn))
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), _BLOCK):
        some = pairs[start : start + _BLOCK]
        asked = np.asarray(encode([pair.query for pair in some]))
        answers = np.asarray(encode([pair.positive for pair in some]))
        own = np.einsum("pd,pd->p", asked, answers)
        above = asked @ others.T >= own[:, None]
        for row, pair in enumerate(some):
            column = place.get(pair.positive)
            if column is not None:
                above[row, column] = False
        compared = len(drawn) - np.array([pair.positive in place for pair in some])
        found[start : start + len(some)] = (1 + above.sum(axis=1)) / (1 + compared)
    return found
