"""Which texts: groups of recent texts that open new ground, with share, terms and neighbours."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from drift_triggers.signal import Observation
from drift_triggers.statistics.known_ground import View, folded


@dataclass(frozen=True)
class Cluster:
    """One group of new texts."""

    share: float
    """Share of the distinct recent texts."""
    examples: tuple[str, ...]
    """Texts nearest to its centre."""
    terms: tuple[str, ...]
    """Words that it has more often than the reference, most telling first."""
    nearest: tuple[str, ...]
    """Texts of the reference nearest to its centre: where the champion would put it."""
    anchor_queries: tuple[str, ...]
    """Queries of the anchor sets nearest to its centre: old tasks that it may push aside."""
    intra_cluster_distance: float
    """Mean cosine distance of its texts to one another; large when like things lie apart."""


def new_clusters(
    observation: Observation, *, most: int = 5, smallest: float = 0.02, largest: int = 2000
) -> tuple[Cluster, ...]:
    """Group the recent texts that lie farther from the reference than nine tenths of its own.

    Parameters
    ----------
    most
        Clusters returned at most, largest first.
    smallest
        Share of the recent texts below which a cluster is left out.
    largest
        Texts used of either side.
    """
    observation.require_texts()
    recent = View.of(observation.recent, largest)
    reference = View.of(observation.reference, largest)
    if min(len(recent.rows), len(reference.rows)) < 10:
        return ()
    ground = reference.ground
    far = np.flatnonzero(recent.novelty(reference) > np.quantile(ground.own, 0.9))
    if len(far) < 3:
        return ()
    rows = recent.embeddings[far]
    distances = np.clip(1.0 - rows @ rows.T, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    tree = scipy.cluster.hierarchy.linkage(
        scipy.spatial.distance.squareform(distances, checks=False), "average"
    )
    # Topics as wide as those of the reference: its texts' median distance to any other text.
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


def document_counts(texts: Sequence[str]) -> Counter[str]:
    """Count for each word the texts that have it."""
    return Counter(
        word for text in texts for word in set(re.findall(r"[^\W\d_]{2,}", folded(text)))
    )


def telling_words(
    now: Counter[str], size: int, before: Counter[str], known: int
) -> tuple[str, ...]:
    """Return the words that stand more often in ``size`` texts than in ``known`` others."""
    # Log odds with half a text added on both sides, weighted by how many texts have the word.
    weight = {
        word: count * (np.log((count + 0.5) / size) - np.log((before[word] + 0.5) / known))
        for word, count in now.items()
        if count >= 2
    }
    return tuple(sorted(weight, key=lambda word: (-weight[word], word))[:5])
