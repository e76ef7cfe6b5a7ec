"""What the reference covers: its distinct texts, neighbourhoods, regions, topics, quiet splits.

Three questions of every trigger that reads embeddings:

- How far is a text from the reference, and is that farther than the reference's own texts are from
  one another (:class:`KnownGround`)?
- How far apart are two parts of the reference when nothing has changed
  (:meth:`KnownGround.quiet_splits`)? Random splits differ too little: real windows bring other
  topics of the same kind and bursts of one topic. So whole topics and contiguous stretches change
  sides.
- Which texts only repeat others (:func:`distinct_rows`)? A client that retries is not a new topic.
"""

import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.signal import Sample
from drift_triggers.statistics.two_sample import stratified_ranks

NEIGHBOURS = 5
"""Neighbours whose mean distance is the novelty of a text: one is noisy, many blur small topics."""
STORED_NEIGHBOURS = 64
"""Neighbours stored per row, so that rows can be left out without a new search."""


def folded(text: str) -> str:
    """Return the text without case, punctuation and spacing; repetitions share it."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def distinct_rows(texts: Sequence[str], rows: Sequence[int]) -> NDArray[np.int64]:
    """Return the rows at which a text appears for the first time, in the given order."""
    seen: dict[str, int] = {}
    for row in rows:
        seen.setdefault(folded(texts[row]) or texts[row], row)
    return np.fromiter(seen.values(), dtype=np.int64, count=len(seen))


def most_repeated(texts: Sequence[str]) -> tuple[str, float]:
    """Return the most frequent text, as first written, and its share of all texts."""
    counts = Counter(folded(text) or text for text in texts)
    key, count = counts.most_common(1)[0]
    first = next(text for text in texts if (folded(text) or text) == key)
    return first, count / len(texts)


@dataclass(frozen=True, eq=False)
class View:
    """The distinct texts of a sample that a trigger uses: limited in number, in order of time.

    Equal only to itself.
    """

    rows: NDArray[np.int64]
    """Rows of the sample, oldest first when ``in_time``, shape ``(rows,)``."""
    embeddings: NDArray[np.float32]
    """Their embeddings, shape ``(rows, dimensions)``."""
    in_time: bool
    """Whether timestamps give the order."""
    distinct: int
    """Number of distinct texts before sampling."""
    total: int
    """Number of texts of the sample, repetitions included."""

    @classmethod
    def of(cls, sample: Sample, largest: int) -> "View":
        """Take at most ``largest`` distinct texts, evenly spread over their order.

        A sample keeps its view for as long as it exists: all triggers share its neighbourhoods,
        which are expensive to compute.
        """
        views = _VIEWS.setdefault(sample, {})
        if largest not in views:
            views[largest] = cls._build(sample, largest)
        return views[largest]

    @classmethod
    def _build(cls, sample: Sample, largest: int) -> "View":
        # Folding a million texts takes many seconds: repetitions are searched among ten times as
        # many texts as are kept, evenly spread.
        total = len(sample)
        rows = distinct_rows(sample.texts, _spread(total, 10 * largest).tolist())
        count, in_time = len(rows), False
        if sample.timestamps is not None:
            times = sample.timestamps[rows]
            in_time = bool(np.isfinite(times).all()) and len(np.unique(times)) > 1
            if in_time:
                rows = rows[np.argsort(times, kind="stable")]
        rows = rows[_spread(count, largest)]
        return cls(rows, sample.embeddings[rows], in_time, count, total)

    def __str__(self) -> str:
        """Return the number of texts, and of how many they are a sample."""
        taken = len(self.rows)
        return str(taken) if taken == self.distinct else f"{taken} (sampled of {self.total})"

    @cached_property
    def ground(self) -> "KnownGround":
        """What these texts cover."""
        return KnownGround(self.embeddings)

    def novelty(self, reference: "View") -> NDArray[np.float64]:
        """Return the novelty of these texts against the reference, computed once."""
        if reference not in self._novelty:
            self._novelty[reference] = reference.ground.novelty(self.embeddings)
        return self._novelty[reference]

    @cached_property
    def _novelty(self) -> WeakKeyDictionary["View", NDArray[np.float64]]:
        return WeakKeyDictionary()

    @cached_property
    def correlation_range(self) -> int:
        """Number of consecutive texts that are correlated; 1 when the order is unknown."""
        return correlation_range(self.embeddings) if self.in_time else 1


def _spread(count: int, largest: int) -> NDArray[np.int64]:
    """Return at most ``largest`` of the places 0..count-1, evenly spread."""
    places = np.arange(count) if count <= largest else np.linspace(0, count - 1, largest).round()
    return np.asarray(places, dtype=np.int64)


def run_length(recent: View, reference: View) -> int:
    """Return how many consecutive texts count as one: 1 unless both samples come in bursts.

    A reference that was stored sorted by topic must not make a calm window seem bursty, and a
    window with bursts where the reference had none is itself a change.
    """
    return min(recent.correlation_range, reference.correlation_range)


_VIEWS: WeakKeyDictionary[Sample, dict[int, View]] = WeakKeyDictionary()


def correlation_range(embeddings: NDArray[np.float32]) -> int:
    """Return how many consecutive texts are correlated; 1 when neighbours are independent.

    This is the first lag at which the mean product of centred rows is within three standard errors
    of zero. The standard error under independence is ``sqrt(trace(S @ S) / n) / trace(S)`` for
    covariance S. Fewer than 20 texts, and texts without variance, give 1.
    """
    rows = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    n = len(rows)
    energy = float(np.einsum("ij,ij->", rows, rows)) / n
    if n < 20 or energy <= 1e-12:
        return 1
    single = rows.astype(np.float32)
    gram = single.T @ single / n if rows.shape[1] < n else single @ single.T / n
    error = float(np.sqrt(np.square(gram).sum() / n)) / energy
    lag = 1
    while lag < n // 10:
        together = float(np.einsum("ij,ij->", rows[lag:], rows[:-lag])) / (n - lag) / energy
        if together < 3.0 * error:
            break
        lag += 1
    return lag


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
        search = NearestNeighbors(n_neighbors=stored, metric="precomputed").fit(self._distances)
        # Without an argument, a row is not its own neighbour.
        values, rows = search.kneighbors()
        return rows, values

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
        contiguous: bool = False,
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
        contiguous
            Whether to add stretches of consecutive texts, so that bursts count as quiet.

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
        if contiguous:
            for start in np.linspace(0, n - size, max(2, count // 3)).astype(int):
                stretch = np.zeros(n, dtype=bool)
                stretch[start : start + size] = True
                columns.append(stretch)
        return np.column_stack(columns)


def _nearest(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    squares = np.einsum("ij,ij->i", centres, centres)
    return np.asarray(np.argmin(squares - rows @ (2.0 * centres.T), axis=1), dtype=np.int64)
