"""The shape of a cloud of embeddings, in four numbers with well-known names."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_triggers.statistics.known_ground import NEIGHBOURS


@dataclass(frozen=True)
class Geometry:
    """How two clouds of unit vectors differ; each pair of numbers is (reference, recent)."""

    centre_moved: float
    """Euclidean distance between the two means, 0 to 2."""
    variance: tuple[float, float]
    """Mean squared distance to the mean of the cloud, 0 to 1."""
    pairwise_distance: tuple[float, float]
    """Mean cosine distance between two different texts, 0 to 2."""
    intra_cluster_distance: tuple[float, float]
    """Mean cosine distance of a text to its five nearest neighbours in the same cloud, 0 to 2."""

    @classmethod
    def of(cls, reference: NDArray[np.float32], recent: NDArray[np.float32]) -> "Geometry":
        """Measure two clouds of at least two unit rows each, shape ``(texts, dimensions)``."""
        size = min(len(reference), len(recent))
        # Nearest neighbours come closer as the number of texts grows: compare equal sizes.
        clouds = [
            cloud[np.linspace(0, len(cloud) - 1, size).round().astype(np.int64)]
            for cloud in (reference, recent)
        ]
        variance, pairwise, within = zip(*(_shape(cloud) for cloud in clouds), strict=True)
        moved = reference.mean(axis=0, dtype=np.float64) - recent.mean(axis=0, dtype=np.float64)
        return cls(
            float(np.linalg.norm(moved)),
            (variance[0], variance[1]),
            (pairwise[0], pairwise[1]),
            (within[0], within[1]),
        )

    def __str__(self) -> str:
        """Return the numbers as a part of a sentence."""
        return (
            f"centre moved by {self.centre_moved:.2f}, "
            f"variance {self.variance[0]:.2f} -> {self.variance[1]:.2f}, "
            f"pairwise distance {self.pairwise_distance[0]:.2f} -> "
            f"{self.pairwise_distance[1]:.2f}, "
            f"intra-cluster distance {self.intra_cluster_distance[0]:.2f} -> "
            f"{self.intra_cluster_distance[1]:.2f}"
        )


def _shape(cloud: NDArray[np.float32]) -> tuple[float, float, float]:
    size = len(cloud)
    mean = cloud.mean(axis=0, dtype=np.float64)
    variance = float(np.square(cloud - mean).sum(axis=1).mean())
    # Cosines of all pairs sum to the squared length of the summed rows, minus each row with itself.
    own = float(np.square(cloud, dtype=np.float64).sum())
    pairwise = 1.0 - (float(np.square(size * mean).sum()) - own) / (size * (size - 1))
    cosines = cloud @ cloud.T
    np.fill_diagonal(cosines, -np.inf)
    count = min(NEIGHBOURS, size - 1)
    cosines.partition(size - count, axis=1)
    return variance, pairwise, 1.0 - float(cosines[:, size - count :].mean())
