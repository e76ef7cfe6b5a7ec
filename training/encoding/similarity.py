"""The similarity that a model declares: how queries and documents are compared."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
SimilarityName = Literal["cosine", "dot", "euclidean", "manhattan"]
"""`similarity_fn_name` of a sentence-transformers model; one that declares none means cosine."""

_SHORTEST = 1e-12  # norm below which a vector has no direction


@dataclass(frozen=True)
class Similarity:
    """Compares vectors as the service compares them; higher is more alike.

    Distances (euclidean, manhattan) are negated, as sentence-transformers does.

    Attributes
    ----------
    name
        Which similarity.

    Examples
    --------
    >>> queries, documents = np.float32([[1, 0]]), np.float32([[1, 0], [4, 4]])
    >>> Similarity("dot").between(queries, documents).tolist()
    [[1.0, 4.0]]
    >>> Similarity("euclidean").between(queries, documents).tolist()
    [[-0.0, -5.0]]
    """

    name: SimilarityName = "cosine"

    def ready(self, vectors: Floats, length: int | None = None) -> Floats:
        """Return vectors as `between` takes them: for the cosine, unit vectors.

        Parameters
        ----------
        vectors
            (n, dimensions), as an `Encoder` of this similarity gives them.
        length
            Dimensions to cut them to, as a Matryoshka model allows; None: they stay whole.
        """
        if length is None or length == vectors.shape[1]:
            return vectors
        cut = vectors[:, :length]
        return unit(cut) if self.name == "cosine" else cut

    def directions(self, vectors: Floats) -> Floats:
        """Return unit vectors, for questions of geometry; those of the cosine are unit already."""
        return vectors if self.name == "cosine" else unit(vectors)

    def between(self, queries: Floats, documents: Floats) -> Floats:
        """Return (queries, documents): the similarity of each query to each document."""
        if self.name in ("cosine", "dot"):
            product: Floats = queries @ documents.T
            return product
        from sklearn.metrics.pairwise import euclidean_distances, manhattan_distances

        distances = euclidean_distances if self.name == "euclidean" else manhattan_distances
        return np.asarray(-distances(queries, documents), dtype=np.float32)

    def size(self, queries: Floats, documents: Floats) -> float:
        """Return what a similarity is measured in: 1 for the cosine, and near it for unit vectors.

        Divided by it, similarities of long vectors can be given to a softmax, and compared with a
        margin, that is meant for cosines.
        """
        if self.name == "cosine" or not len(queries) or not len(documents):
            return 1.0
        order = 1 if self.name == "manhattan" else 2
        lengths = [
            float(np.linalg.norm(side, ord=order, axis=1).mean(dtype=np.float64))
            for side in (queries, documents)
        ]
        size = lengths[0] * lengths[1] if self.name == "dot" else sum(lengths) / 2
        return max(size, _SHORTEST)


def unit(vectors: Floats) -> Floats:
    """Return vectors, (n, dimensions), at length 1; one without a direction stays short."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, _SHORTEST), dtype=np.float32)
