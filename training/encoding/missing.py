"""Texts for which a model gives no finite embedding: refused, with the first of them named."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.faults import NoEmbedding

_SHOWN = 100  # characters of a text in a message


def refuse_missing(name: str, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Refuse vectors, (texts, dimensions), with a number that is not finite.

    Parameters
    ----------
    name
        What the message calls the model.

    Raises
    ------
    NoEmbedding
        There is such a number.
    """
    missing = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if not len(missing):
        return
    text = texts[missing[0]]
    value = "NaN" if np.isnan(vectors[missing[0]]).any() else "infinity"
    others = len(missing) - 1
    more = f" and {others} other text{'s' * (others > 1)}" if others else ""
    raise NoEmbedding(
        f"{name} gave {value} for {text[:_SHOWN]!r}{'…' * (len(text) > _SHOWN)}{more}; "
        "exclude such records (`anchorhold discard`), take such texts out of anchor sets, or "
        "use a model that has an embedding for them"
    )
