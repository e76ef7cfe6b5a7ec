"""The texts of a simulation: the quiet past, what is new, and what the system answered."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.store import Traffic
from training.faults import DataFault
from training.pairs import Pair, normalised

FEWEST = 300
"""Distinct texts that a simulation needs."""
_SHARE_HELD_BACK = 0.15
_TOPICS = 12


@dataclass(frozen=True)
class Corpus:
    """Real texts without drift, and what is put into them."""

    name: str
    """What it is called on the page."""
    texts: tuple[Traffic, ...]
    """Texts of the quiet past; none twice."""
    new: tuple[Traffic, ...] = ()
    """Texts about topics that the quiet past does not have; empty: topics are held back for it."""
    answers: tuple[str, ...] = ()
    """What the system answered."""
    answers_known: bool = False
    """Whether the answers are in the log, so that they are known when they come back."""
    pairs: tuple[Pair, ...] = ()
    """Labelled pairs of the quiet past, for a training."""
    new_pairs: tuple[Pair, ...] = ()
    """Labelled pairs about the new topics, for a training."""


def distinct(texts: Sequence[Traffic]) -> tuple[Traffic, ...]:
    """Return texts, each that repeats an earlier one left out.

    Raises
    ------
    DataFault
        Too few are left for a simulation.
    """
    found = {normalised(each.text): each for each in reversed(texts) if each.text.strip()}
    kept = tuple(found.values())[::-1]
    if len(kept) < FEWEST:
        raise DataFault(
            f"there are {len(kept)} distinct texts; a simulation needs at least {FEWEST}: name a "
            "file of texts, or let more arrive"
        )
    return kept


def held_back(
    texts: Sequence[Traffic], vectors: NDArray[np.float32], seed: int
) -> tuple[list[Traffic], list[Traffic]]:
    """Return the texts of known topics, and those of topics that are held back as new.

    The topics are clusters of the embeddings; those farthest from all others are held back.

    Parameters
    ----------
    vectors
        Unit vectors of the texts, shape ``(texts, dimensions)``.
    seed
        Where the search for clusters begins.
    """
    from sklearn.cluster import KMeans

    found = KMeans(_TOPICS, n_init=1, random_state=seed).fit(vectors)
    centre = vectors.mean(axis=0)
    far = np.argsort(found.cluster_centers_ @ centre, kind="stable")
    chosen: list[int] = []
    for topic in far:
        chosen.append(int(topic))
        if np.isin(found.labels_, chosen).mean() >= _SHARE_HELD_BACK:
            break
    new = np.isin(found.labels_, chosen)
    return (
        [each for each, there in zip(texts, new, strict=True) if not there],
        [each for each, there in zip(texts, new, strict=True) if there],
    )
