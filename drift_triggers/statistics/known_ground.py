"""What the reference covers: its distinct texts, neighbourhoods, regions, topics, quiet splits.

Three questions of every trigger that reads embeddings:

- How far is a text from the reference, and is that farther than the reference's own texts are from
  one another (:class:`KnownGround`)?
- How far apart are two parts of the reference when nothing has changed
  (:meth:`KnownGround.quiet_splits`)? Random splits differ too little: real windows bring other
  topics of the same kind and bursts of one topic. So whole topics and contiguous stretches change
  sides.

Texts that belong together, such as those of one session, are no neighbours of one another: what is
usual for a new text is what a text finds among the others.
"""

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.statistics.two_sample import stratified_ranks

NEIGHBOURS = 5
"""Neighbours whose mean distance is the novelty of a text: one is noisy, many blur small topics."""
STORED_NEIGHBOURS = 64
"""Neighbours stored per row, so that rows can be left out without a new search."""


@dataclass(frozen=True)
class Regions:
    """Regions of the reference, each around a centre."""

    own: NDArray[np.int64]
    """Region of each reference text, shape ``(n,)``."""
    other: NDArray[np.int64]
    """Region with the nearest centre for each other text, shape ``(others,)``."""
    own_distance: NDArray[np.float32]
    """Euclidean distance of each reference text to the centre of its region."""
    other_distance: NDArray[np.float32]
    """The same for each other text."""


@dataclass(frozen=True)
class KnownGround:
    """Neighbourhoods, regions and topics of the reference."""

    embeddings: NDArray[np.float32]
    """One unit vector per text, shape ``(n, dimensions)``, at least two texts."""
    together: tuple[NDArray[np.int64], ...] = ()
    """Labels of each text, such as its session: texts that share one are no neighbours."""
    reach: int = 0
    """Texts up to this number of places apart in the given order are no neighbours either."""

    @cached_property
    def _distances(self) -> NDArray[np.float32]:
        distances: NDArray[np.float32] = 1.0 - self.embeddings @ self.embeddings.T
        np.clip(distances, 0.0, 2.0, out=distances)
        np.fill_diagonal(distances, 0.0)
        return distances

    @cached_property
    def _near(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        # Imported here: commands that compare no embeddings need not pay the second it takes.
        from sklearn.neighbors import NearestNeighbors

        stored = min(STORED_NEIGHBOURS, len(self.embeddings) - 1)
        distances = self._distances
        if self.together or self.reach:
            distances = distances.copy()
            for labels in self.together:
                distances[labels[:, None] == labels] = 2.0
            place = np.arange(len(distances))
            distances[np.abs(place[:, None] - place) <= self.reach] = 2.0
            np.fill_diagonal(distances, 0.0)
        search = NearestNeighbors(n_neighbors=stored, metric="precomputed").fit(distances)
        # Without an argument, a row is not its own neighbour.
        values, rows = search.kneighbors()
        return rows, values

    @property
    def nearest(self) -> NDArray[np.int64]:
        """Row of the nearest neighbour of each text, shape ``(n,)``."""
        return np.asarray(self._near[0][:, 0], dtype=np.int64)

    @cached_property
    def own(self) -> NDArray[np.float64]:
        """Novelty of each reference text against all others (leave one out), shape ``(n,)``."""
        return np.asarray(self._near[1][:, :NEIGHBOURS].mean(axis=1, dtype=np.float64))

    def novelty(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the mean cosine distance of texts to their five nearest reference texts.

        Parameters
        ----------
        embeddings
            Unit vectors of texts that are not in the reference, shape ``(m, dimensions)``.

        Returns
        -------
        Distances from 0 to 2, shape ``(m,)``.
        """
        distances = np.clip(1.0 - embeddings @ self.embeddings.T, 0.0, 2.0)
        count = min(NEIGHBOURS, len(self.embeddings))
        nearest = np.partition(distances, count - 1, axis=1)[:, :count]
        return np.asarray(nearest.mean(axis=1, dtype=np.float64))

    def held_out(
        self, outside: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the novelty of the rows ``outside`` and of the others, both against the others.

        Uses the stored neighbours only: where fewer than five of them are left, the farthest stored
        one stands for the missing ones, which understates the distance.
        """
        rows, values = self._near
        kept = ~outside[rows]
        used = kept & (np.cumsum(kept, axis=1) <= NEIGHBOURS)
        total = np.where(used, values, 0.0).sum(axis=1, dtype=np.float64)
        novelty = (total + (NEIGHBOURS - used.sum(axis=1)) * values[:, -1]) / NEIGHBOURS
        return novelty[outside], novelty[~outside]

    def confidence(self, novelty: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return for each text the conformal p-value of "it belongs to the reference".

        This is the share of reference texts, the text itself included, that are at least as far
        away. A text of the reference gets a value of at most u with probability at most u.
        """
        nearer = np.searchsorted(np.sort(self.own), novelty, side="left")
        return np.asarray((1 + len(self.own) - nearer) / (1 + len(self.own)))

    def regions(
        self, embeddings: NDArray[np.float32], texts_in_region: int, seed: int
    ) -> "Regions":
        """Divide the reference into regions and assign other texts to them.

        Regions (ten rounds of k-means) are fitted on the reference alone: fitted on both, a new
        topic would get a region of its own, without reference texts to compare it with.
        """
        centres = self._centres.get((texts_in_region, seed))
        if centres is None:
            centres = self._centres[texts_in_region, seed] = self._fit(texts_in_region, seed)
        own, other = _nearest(self.embeddings, centres), _nearest(embeddings, centres)
        return Regions(
            own,
            other,
            np.linalg.norm(self.embeddings - centres[own], axis=1),
            np.linalg.norm(embeddings - centres[other], axis=1),
        )

    @cached_property
    def remembered(self) -> dict[Hashable, float]:
        """Numbers that depend on the reference alone, kept from one window to the next."""
        return {}

    @cached_property
    def _centres(self) -> dict[tuple[int, int], NDArray[np.float32]]:
        return {}

    def _fit(self, texts_in_region: int, seed: int) -> NDArray[np.float32]:
        count = max(1, min(64, len(self.embeddings) // texts_in_region))
        # Imported here: commands that compare no embeddings need not pay the second it takes.
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        generator = np.random.default_rng([seed, 6])
        first = self.embeddings[generator.permutation(len(self.embeddings))[:count]]
        with warnings.catch_warnings():
            # Texts with equal embeddings leave regions empty; these are dropped below.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = KMeans(count, init=first, n_init=1, max_iter=10, tol=0.0).fit(self.embeddings)
        centres = np.asarray(fitted.cluster_centers_, dtype=np.float32)
        # Only regions that contain reference texts can say what is usual there.
        return centres[np.unique(_nearest(self.embeddings, centres))]

    def regional_ranks(
        self,
        novelty: NDArray[np.float64],
        regions: "Regions",
    ) -> tuple[NDArray[np.float64], float]:
        """Rank the novelty of texts among the reference texts of the same region.

        More texts from a sparse but known region raise the novelty, not these ranks.

        Returns
        -------
        For each text the share of the region's reference texts that are nearer; and the one-sided
        p-value of "farther than usual for the region".
        """
        return stratified_ranks(self.own, regions.own, novelty, regions.other)

    @cached_property
    def _tree(self) -> NDArray[np.float64]:
        return np.asarray(
            scipy.cluster.hierarchy.linkage(
                scipy.spatial.distance.squareform(self._distances, checks=False), "average"
            )
        )

    def topics(self, closeness: float) -> NDArray[np.int64]:
        """Return the topic of each reference text: average linkage, cut at a cosine distance."""
        return (
            np.asarray(
                scipy.cluster.hierarchy.fcluster(self._tree, closeness, "distance"), dtype=np.int64
            )
            - 1
        )

    @property
    def neighbour_distance(self) -> float:
        """Median cosine distance of a text to its nearest neighbour."""
        return float(np.median(self._near[1][:, 0]))

    @property
    def neighbourhood_distance(self) -> float:
        """Median of the mean cosine distance to the five nearest neighbours."""
        return float(np.median(self.own))

    def quiet_splits(
        self,
        size: int,
        closeness: float | None,
        count: int,
        generator: np.random.Generator,
        past_windows: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.bool_]:
        """Split the reference in two, as if one part were a recent window without drift.

        Parameters
        ----------
        size
            Number of texts of the simulated window. At most a third of the reference is used, so a
            larger window is judged by the (larger) scatter of a smaller one.
        closeness
            Cosine distance below which texts change sides together: a window may bring other
            topics. None: the median distance of a text to its nearest neighbour.
        count
            Number of random splits.
        generator
            Source of the random choices.
        past_windows
            Columns to add: days, or stretches of consecutive texts, so that what a day brings
            counts as quiet.

        Returns
        -------
        True for the simulated window, shape ``(n, splits)``, at least one column.
        """
        n = len(self.embeddings)
        size = max(2, min(size, n // 3))
        topics = self.topics(self.neighbour_distance if closeness is None else closeness)
        sizes = np.bincount(topics)
        columns = []
        for _ in range(count):
            order = generator.permutation(len(sizes))
            taken = np.cumsum(sizes[order]) <= size
            # The next topic may be too large for the window: then a part of it is used.
            if not sizes[order][taken].sum() > size // 2:
                member = np.flatnonzero(topics == order[int(taken.sum())])
                chosen = np.isin(topics, order[taken])
                chosen[generator.permutation(member)[: size - int(chosen.sum())]] = True
                columns.append(chosen)
            else:
                columns.append(np.isin(topics, order[taken]))
        drawn = np.column_stack(columns)
        return drawn if past_windows is None else np.column_stack([drawn, past_windows])


def _nearest(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    squares = np.einsum("ij,ij->i", centres, centres)
    return np.asarray(np.argmin(squares - rows @ (2.0 * centres.T), axis=1), dtype=np.int64)
