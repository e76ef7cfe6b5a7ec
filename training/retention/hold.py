"""The hold: which rows of a mix stay near the champion's embeddings, and these embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.encoding import Encoder, Kind
from training.pairs import LabelledTexts, Mixture
from training.progress import Progress

Rows = Literal["answered", "replayed", "all"]
"""Replayed rows that the champion ranks right, all replayed rows, or every row."""

# The metrics end at rank ten: of more answers, not all have a rank to keep.
_ANSWERS = 10
_ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Hold:
    """What the loss needs to know of the champion.

    Attributes
    ----------
    rows
        (rows,) which rows of the mix are held to the champion's embeddings.
    columns
        The champion's unit embeddings of queries, positives and, if needed, negatives, each
        (rows, dimensions), zero in rows that need none. Empty if no row needs any.
    """

    rows: NDArray[np.bool_]
    columns: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(
        cls,
        mixture: Mixture,
        encoder: Encoder,
        rows: Rows | None,
        progress: Progress,
        *,
        whole: bool,
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
        """
        old = np.array(mixture.from_memory, dtype=bool)
        none, everything = np.zeros_like(old), np.ones_like(old)
        held = none if rows is None else everything if rows == "all" else old
        replayed = np.flatnonzero(old).tolist()
        labels = LabelledTexts(mixture.pairs) if rows == "answered" else None
        if labels and not _few_answers(labels, replayed).any():
            held = none
        known = everything if whole else held
        if not known.any():
            return cls(held, ())
        columns = _columns(mixture, encoder, known, progress, with_negatives=whole)
        if labels and held.any():
            held = none.copy()
            held[replayed] = answered(labels, replayed, *(each[replayed] for each in columns[:2]))
        return cls(held, columns)


def answered(
    labels: LabelledTexts,
    rows: Sequence[int],
    queries: NDArray[np.float32],
    documents: NDArray[np.float32],
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
        (n, dimensions), unit embeddings of these rows' queries and positives.

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
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        answers = labels.answers(rows[part], names)
        similarities = queries[part] @ documents.T
        last = np.where(answers, similarities, np.inf).min(axis=1)
        found[part] &= last > np.where(answers, -np.inf, similarities).max(axis=1)
    return found


def _few_answers(labels: LabelledTexts, rows: Sequence[int]) -> NDArray[np.bool_]:
    """Return the rows whose queries have at most ten answers among the rows."""
    return np.array(labels.count_answers(rows), dtype=np.int64) <= _ANSWERS


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
