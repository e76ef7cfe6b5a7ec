"""The hold: which rows of a mix stay near the champion's embeddings, and these embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.encoding import Encoder, Kind, Similarity
from training.pairs import LabelledTexts, Mixture
from training.progress import Progress

Rows = Literal["answered", "replayed", "all"]
"""Replayed rows that the champion ranks right, all replayed rows, or every row."""

# The metrics end at rank ten: of more answers, not all have a rank to keep.
_ANSWERS = 10
_ROWS_AT_ONCE = 512
_SIZED_BY = 256  # rows by which the usual size of a similarity is measured


@dataclass(frozen=True)
class Hold:
    """What the loss needs to know of the champion.

    Attributes
    ----------
    rows
        (rows,) which rows of the mix are held to the champion's embeddings.
    columns
        The champion's embeddings of queries, positives and, if needed, negatives, each
        (rows, dimensions), zero in rows that need none. Empty if no row needs any.
    similarity
        How the model compares them.
    sizes
        Lengths of vectors to train at, the whole first -> the usual size of a similarity there,
        by which similarities are divided; see `Similarity.size`. Empty: whole vectors, size 1.
    """

    rows: NDArray[np.bool_]
    columns: tuple[NDArray[np.float32], ...]
    similarity: Similarity = field(default_factory=Similarity)
    sizes: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        mixture: Mixture,
        encoder: Encoder,
        rows: Rows | None,
        progress: Progress,
        *,
        whole: bool,
        dimensions: Sequence[int] = (),
    ) -> "Hold":
        """Choose the rows to hold and encode them with the champion.

        Parameters
        ----------
        mixture
            The pairs to train on.
        encoder
            The champion.
        rows
            Which rows to hold; None: none.
        progress
            Shows how many texts are encoded.
        whole
            Whether to return embeddings of all rows, whichever are held.
        dimensions
            Lengths below that of the whole vectors to train at too.
        """
        measure = encoder.similarity, _sizes(mixture, encoder, dimensions, progress)
        old = np.array(mixture.from_memory, dtype=bool)
        none, everything = np.zeros_like(old), np.ones_like(old)
        held = none if rows is None else everything if rows == "all" else old
        replayed = np.flatnonzero(old).tolist()
        labels = LabelledTexts(mixture.pairs) if rows == "answered" else None
        if labels and not _few_answers(labels, replayed).any():
            held = none
        known = everything if whole else held
        if not known.any():
            return cls(held, (), *measure)
        columns = _columns(mixture, encoder, known, progress, with_negatives=whole)
        if labels and held.any():
            held = none.copy()
            queries, documents = (each[replayed] for each in columns[:2])
            held[replayed] = answered(labels, replayed, queries, documents, encoder.similarity)
        return cls(held, columns, *measure)


def answered(
    labels: LabelledTexts,
    rows: Sequence[int],
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
    similarity: Similarity | None = None,
) -> NDArray[np.bool_]:
    """Return the rows whose answers, at most ten, all come before every other document.

    There the model has nothing to learn. Queries with more answers do not count as answered.

    Parameters
    ----------
    labels
        Which documents answer which query.
    rows
        (n,) numbers of the rows.
    queries, documents
        (n, dimensions), embeddings of these rows' queries and positives.
    similarity
        Compares them; None: the cosine.

    Examples
    --------
    >>> from training.pairs import Pair
    >>> labels = LabelledTexts([Pair("1", "a", "x"), Pair("2", "b", "y")])
    >>> eye = np.eye(2, dtype=np.float32)
    >>> answered(labels, [0, 1], eye[[0, 0]], eye).tolist()
    [True, False]
    """
    names = [labels.positives[row] for row in rows]
    found = _few_answers(labels, rows)
    compare = (similarity or Similarity()).between
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        answers = labels.answers(rows[part], names)
        similarities = compare(queries[part], documents)
        last = np.where(answers, similarities, np.inf).min(axis=1)
        found[part] &= last > np.where(answers, -np.inf, similarities).max(axis=1)
    return found


def _few_answers(labels: LabelledTexts, rows: Sequence[int]) -> NDArray[np.bool_]:
    """Return the rows whose queries have at most ten answers among the rows."""
    return np.array(labels.count_answers(rows), dtype=np.int64) <= _ANSWERS


def _sizes(
    mixture: Mixture, encoder: Encoder, dimensions: Sequence[int], progress: Progress
) -> dict[int, float]:
    """Return the usual size of the champion's similarities at each length, by some of the rows."""
    lengths = (encoder.dimensions, *dimensions)
    similarity = encoder.similarity
    if similarity.name == "cosine":
        return dict.fromkeys(lengths, 1.0)
    some = mixture.pairs[:: -(-len(mixture.pairs) // _SIZED_BY)]
    queries = encoder.encode([pair.query for pair in some], progress=progress)
    documents = encoder.encode([pair.positive for pair in some], kind="document", progress=progress)
    return {
        length: similarity.size(
            similarity.ready(queries, length), similarity.ready(documents, length)
        )
        for length in lengths
    }


def _columns(
    mixture: Mixture,
    encoder: Encoder,
    known: NDArray[np.bool_],
    progress: Progress,
    *,
    with_negatives: bool,
) -> tuple[NDArray[np.float32], ...]:
    texts: list[tuple[Kind, list[str]]] = [
        ("query", [pair.query for pair in mixture.pairs]),
        ("document", [pair.positive for pair in mixture.pairs]),
    ]
    if with_negatives and any(pair.negative for pair in mixture.pairs):
        texts.append(("document", [pair.negative for pair in mixture.pairs]))
    columns = []
    for kind, column in texts:
        vectors = np.zeros((len(column), encoder.dimensions), dtype=np.float32)
        given = [row for row in np.flatnonzero(known) if column[row]]
        if given:
            wanted = [column[row] for row in given]
            vectors[given] = encoder.encode(wanted, kind=kind, progress=progress)
        columns.append(vectors)
    return tuple(columns)
