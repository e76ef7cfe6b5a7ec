"""Batches of similar length: less padding for the same pairs, in an order fixed by the seed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sentence_transformers.base.sampler import DefaultBatchSampler

# Batches within which pairs are sorted by length: enough to reduce padding, few enough to mix.
_WINDOW = 16


def row_lengths(dataset: Any) -> list[int]:
    """Return the number of characters of each row of a training set, over all its texts."""
    texts = [column for column in dataset.column_names if column != "label"]
    return [sum(map(len, row)) for row in zip(*(dataset[column] for column in texts), strict=True)]


class LengthBatches(DefaultBatchSampler):  # type: ignore[misc,unused-ignore]
    """Shuffle, sort by length within windows, cut into equal batches, shuffle the batches.

    All batches have nearly the same size: in a last batch of two pairs each would have only one
    negative. The loss masks repeated texts within a batch.

    Parameters
    ----------
    dataset
        The training set.
    lengths
        (rows,) length of each row, in any unit.
    batch_size
        Rows per batch at most.
    seed
        Seed of the order.
    parts
        Consecutive parts into which each batch is cut, one for each process that trains;
        accelerate deals them out in turn.
    """

    def __init__(
        self, dataset: Any, lengths: list[int], batch_size: int, seed: int, parts: int = 1
    ) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=False, seed=seed)
        if parts > 1:
            # Accelerate drops batches of any other size, unless this is None.
            self.batch_size = None  # type: ignore[assignment,unused-ignore]
        self._parts = parts
        self._lengths = np.asarray(lengths)
        self._count = max(1, -(-len(lengths) // batch_size))

    def __len__(self) -> int:
        """Return the number of batches of an epoch, or of their parts."""
        return self._count * self._parts

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch, or part, of the current epoch."""
        random = np.random.default_rng((self.seed, self.epoch))
        order = random.permutation(len(self._lengths))
        batches: list[Any] = []
        # Windows hold whole batches, so that one even cut of all rows gives the sizes.
        cuts = np.linspace(0, len(order), self._count + 1).round().astype(int)
        for first in range(0, self._count, _WINDOW):
            last = min(first + _WINDOW, self._count)
            window = order[cuts[first] : cuts[last]]
            window = window[np.argsort(self._lengths[window], kind="stable")]
            batches.extend(np.split(window, cuts[first + 1 : last] - cuts[first]))
        for place in random.permutation(len(batches)):
            for part in np.array_split(batches[place], self._parts):
                yield [int(row) for row in part]
