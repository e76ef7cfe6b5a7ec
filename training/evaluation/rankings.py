"""Rankings: the documents nearest to each query, by exact search over unit vectors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ranking:
    """What one model finds for the queries of one evaluation set, best first.

    Attributes
    ----------
    query_ids, document_ids
        Of the set, each in ascending order.
    places
        (queries, depth): which document, as its place in `document_ids`.
    cosines
        (queries, depth): how near it is, in [-1, 1].
    """

    query_ids: tuple[str, ...]
    document_ids: tuple[str, ...]
    places: NDArray[np.int32]
    cosines: NDArray[np.float32]


def nearest(
    queries: NDArray[np.float32], documents: NDArray[np.float32], *, depth: int, rows_at_once: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the documents of highest cosine for each query; among equals, the first comes first.

    Parameters
    ----------
    queries
        (queries, dimensions), unit rows.
    documents
        (documents, dimensions), unit rows.
    depth
        Documents a query; all of them where there are fewer.
    rows_at_once
        Queries whose cosines with all documents are held at once: bounds the memory.

    Returns
    -------
    tuple of numpy.ndarray
        Places of the documents and their cosines, both (queries, depth).

    Examples
    --------
    >>> documents = np.eye(3, dtype=np.float32)
    >>> places, cosines = nearest(documents[[2]], documents, depth=2, rows_at_once=10)
    >>> places.tolist(), cosines.tolist()
    ([[2, 0]], [[1.0, 0.0]])
    """
    width = min(depth, len(documents))
    places = np.empty((len(queries), width), dtype=np.int32)
    cosines = np.empty((len(queries), width), dtype=np.float32)
    for start in range(0, len(queries), rows_at_once):
        similarities = queries[start : start + rows_at_once] @ documents.T
        best = np.argsort(-similarities, axis=1, kind="stable")[:, :width]
        places[start : start + rows_at_once] = best
        cosines[start : start + rows_at_once] = np.take_along_axis(similarities, best, axis=1)
    return places, cosines
