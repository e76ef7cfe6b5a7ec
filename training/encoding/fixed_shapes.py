"""Fixed shapes: batches in which a text gets the same vector, whatever is encoded beside it.

The last digits of a matrix product depend on its shape, and in half precision they change rankings.
So each text is computed in a shape that its own number of tokens decides: it is padded to the next
length of a short list, in a batch with a fixed number of rows for that length, filled up if needed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHORTEST = 16  # tokens: tiles of matrix units have sixteen rows
_TOKENS = 1024  # per batch: fewer are slower (measured), of more the filling would cost too much
_FEWEST = 8  # rows


def padded_length(tokens: int, longest: int) -> int:
    """Return to how many tokens a text is padded: to 16, 24, 32, 48, 64, 96, 128 and so on.

    Parameters
    ----------
    tokens
        Of the text, as it is cut.
    longest
        Tokens after which texts are cut: no text is padded beyond.

    Examples
    --------
    >>> [padded_length(tokens, 120) for tokens in (3, 17, 25, 100)]
    [16, 24, 32, 120]
    """
    length = _SHORTEST
    while length < tokens:
        # From a power of two to one and a half of it, and on to the next.
        length += length // 2 if length & (length - 1) == 0 else length // 3
    return min(length, max(longest, tokens))


def rows_at(length: int) -> int:
    """Return how many texts a batch of a padded length has.

    Examples
    --------
    >>> [rows_at(length) for length in (16, 128, 512)]
    [64, 8, 8]
    """
    return max(_FEWEST, _TOKENS // length)


def fixed_batches(tokens: Sequence[int], longest: int) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield the rows of each batch, of the longest texts first, and how many rows it is filled to.

    Parameters
    ----------
    tokens
        (texts,) tokens of each text, as it is cut.
    longest
        Tokens after which texts are cut.

    Examples
    --------
    >>> [(rows.tolist(), size) for rows, size in fixed_batches([5, 100, 9], longest=128)]
    [([1], 8), ([0, 2], 64)]
    """
    lengths = np.array([padded_length(each, longest) for each in tokens])
    for length in np.unique(lengths)[::-1]:
        rows, size = np.flatnonzero(lengths == length), rows_at(int(length))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], size


def pad_to_fixed_length(part: Any, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Pad what a transformer is given to the length that its longest text decides.

    It is a hook before the forward pass of a module of sentence-transformers. What is not padded
    text, such as texts packed for flash attention, is left as it is.
    """
    from torch import Tensor
    from torch.nn import functional

    features = given[0]
    present = features.get("attention_mask")
    if not isinstance(present, Tensor) or present.ndim != 2:
        return None
    tokens = present.shape[1]
    more = padded_length(tokens, part.max_seq_length or tokens) - tokens
    if not more:
        return None
    sides = (more, 0) if getattr(part.tokenizer, "padding_side", "right") == "left" else (0, more)
    filler = {"input_ids": part.tokenizer.pad_token_id}
    padded = {
        name: functional.pad(value, sides, value=filler.get(name, 0))
        if isinstance(value, Tensor) and value.shape == present.shape
        else value
        for name, value in features.items()
    }
    return (padded, *given[1:])
