"""The shape of a cloud of embeddings, in four numbers that people know by name."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_triggers.known_ground import NEIGHBOURS


@dataclass(frozen=True)
class Geometry:
    """How two clouds of unit vectors differ; each number is (reference, recent) but the first."""

    centre_moved: float
    """Distance between the two means; 0 when they coincide."""
    variance: tuple[float, float]
    """Mean squared distance to the own mean."""
    pairwise_distance: tuple[float, float]
    """Mean cosine distance of two different texts."""
    intra_cluster_distance: tuple[float, float]
    """Mean cosine distance of a text to its five nearest neighbours in the same cloud."""

    @classmethod
    def of(cls, reference: NDArray[np.float32], recent: NDArray[np.float32]) -> "Geometry":
        """Measure two clouds of unit rows, each of at least two texts."""
        size = min(len(reference), len(recent))
        # Nearest neighbours come closer as texts grow in number: compare clouds of equal size.
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
        """Return the numbers as half a sentence."""
        return (
            f"centre moved {self.centre_moved:.2f}, "
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
    distances = 1.0 - cloud @ cloud.T
    pairwise = float((distances.sum(dtype=np.float64) - np.trace(distances)) / (size * (size - 1)))
    np.fill_diagonal(distances, np.inf)
    count = min(NEIGHBOURS, size - 1)
    return variance, pairwise, float(np.partition(distances, count - 1, axis=1)[:, :count].mean())
