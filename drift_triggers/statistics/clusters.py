"""Clusters of recent texts on new topics, with their share, terms and neighbours."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.signal import Observation
from drift_triggers.statistics.view import View, folded


@dataclass(frozen=True)
class Cluster:
    """One group of recent texts on a new topic."""

    share: float
    """Share of the distinct recent texts, 0 to 1."""
    examples: tuple[str, ...]
    """The three texts nearest to its centre."""
    terms: tuple[str, ...]
    """Words that its texts contain more often than the reference, the most distinctive first."""
    nearest: tuple[str, ...]
    """Reference texts nearest to its centre: what the champion takes it for."""
    anchor_queries: tuple[str, ...]
    """Anchor queries nearest to its centre: old tasks that training on it may harm."""
    intra_cluster_distance: float
    """Mean cosine distance between its texts, 0 to 2; large when similar texts lie far apart."""


def new_clusters(
    observation: Observation, *, most: int = 5, smallest: float = 0.02, largest: int = 2000
) -> tuple[Cluster, ...]:
    """Group the recent texts that lie farther from the reference than nine tenths of its own texts.

    Parameters
    ----------
    most
        Largest number of clusters to return.
    smallest
        Smallest share of the recent texts that makes a cluster.
    largest
        Largest number of texts to use per side.

    Returns
    -------
    The clusters, largest first; none when a side has fewer than ten distinct texts.
    """
    observation.require_texts()
    recent = View.of(observation.recent, largest)
    reference = View.of(observation.reference, largest)
    if min(len(recent.rows), len(reference.rows)) < 10:
        return ()
    far = np.flatnonzero(far_from(reference, recent))
    if len(far) < 3:
        return ()
    rows = recent.embeddings[far]
    distances = np.clip(1.0 - rows @ rows.T, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    tree = scipy.cluster.hierarchy.linkage(
        scipy.spatial.distance.squareform(distances, checks=False), "average"
    )
    # Clusters are as wide as topics of the reference: its median distance between two texts.
    wide = 1.0 - float(np.median(reference.embeddings @ reference.embeddings.mean(axis=0)))
    groups = scipy.cluster.hierarchy.fcluster(tree, max(0.2, 0.9 * wide), "distance")
    anchors = observation.anchor_queries
    words_before = document_counts([observation.reference.texts[row] for row in reference.rows])
    found = []
    for group, count in Counter(groups.tolist()).most_common(most):
        if count < max(3, smallest * len(recent.rows)):
            break
        chosen = far[groups == group]
        texts = [observation.recent.texts[recent.rows[row]] for row in chosen]
        centre = recent.embeddings[chosen].mean(axis=0)
        central = np.argsort(-(recent.embeddings[chosen] @ centre), kind="stable")[:3]
        nearest = np.argsort(-(reference.embeddings @ centre), kind="stable")[:3]
        closest = np.argsort(-(anchors.embeddings @ centre), kind="stable")[:3] if anchors else ()
        inside = distances[np.ix_(groups == group, groups == group)]
        found.append(
            Cluster(
                len(chosen) / len(recent.rows),
                tuple(texts[place] for place in central),
                telling_words(
                    document_counts(texts), len(texts), words_before, len(reference.rows)
                ),
                tuple(observation.reference.texts[reference.rows[row]] for row in nearest),
                tuple(anchors.texts[row] for row in closest) if anchors else (),
                float(inside.sum() / max(1, count * (count - 1))),
            )
        )
    return tuple(found)


def far_from(reference: View, recent: View) -> NDArray[np.bool_]:
    """Say which recent texts are farther from the reference than nine tenths of its own texts."""
    return np.asarray(recent.novelty(reference) > usual_distance(reference))


def usual_distance(reference: View) -> np.floating[Any]:
    """Return how far from the others nine tenths of the reference texts lie at most."""
    return np.quantile(reference.ground.own, 0.9)


def document_counts(texts: Sequence[str]) -> Counter[str]:
    """Return for each word the number of texts that contain it."""
    return Counter(
        word for text in texts for word in set(re.findall(r"[^\W\d_]{2,}", folded(text)))
    )


def telling_words(
    now: Counter[str], size: int, before: Counter[str], known: int
) -> tuple[str, ...]:
    """Return up to five words that occur more often in ``size`` texts than in ``known`` others."""
    # Log odds with half a text added on both sides, weighted by the texts that contain the word.
    weight = {
        word: count * (np.log((count + 0.5) / size) - np.log((before[word] + 0.5) / known))
        for word, count in now.items()
        if count >= 2
    }
    return tuple(sorted(weight, key=lambda word: (-weight[word], word))[:5])
