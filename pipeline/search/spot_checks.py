"""Spot checks: some documents are encoded anew, and their vectors compared."""

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.unlabelled import Document

LEAST_COSINE = 0.999
"""Smallest cosine of a vector and the model's own."""
_APART = 0.0447  # relative distance; the cosine of nearer vectors is at least `LEAST_COSINE`
_SHORTEST = 1e-12

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Compared:
    """A vector beside the one that the model gives to the text now.

    Attributes
    ----------
    length, wanted_length
        Of the vector, and of the model's.
    cosine
        Of the two.
    apart
        Their distance, relative to the length of the model's.

    Examples
    --------
    >>> found = Compared.of(np.float32([2, 0]), np.float32([1, 0]))
    >>> found.cosine, found.apart, found.is_the_models
    (1.0, 1.0, False)
    """

    length: float
    wanted_length: float
    cosine: float
    apart: float

    @classmethod
    def of(cls, vector: Floats, anew: Floats) -> "Compared":
        """Compare a vector with the model's own."""
        length, wanted = float(np.linalg.norm(vector)), float(np.linalg.norm(anew))
        cosine = float(vector @ anew) / max(length * wanted, _SHORTEST)
        return cls(
            length, wanted, cosine, float(np.linalg.norm(vector - anew)) / max(wanted, _SHORTEST)
        )

    @property
    def is_the_models(self) -> bool:
        """Whether the model gave the vector, but for rounding."""
        return self.apart <= _APART


@dataclass
class Sample:
    """The documents of lowest key, which are as good as random and the same at each build.

    Attributes
    ----------
    most
        Number of documents.
    drawn
        Key, id and text of each, in order of keys.
    """

    most: int
    drawn: list[tuple[str, str, str]] = field(default_factory=list)

    def takes(self, key: str) -> bool:
        """Say whether a document with a key would be drawn."""
        return len(self.drawn) < self.most or key < self.drawn[-1][0]

    def add(self, key: str, document: Document) -> None:
        """Draw a document if its key is low."""
        if self.takes(key):
            self.drawn.append((key, document.id, document.whole))
            self.drawn = heapq.nsmallest(self.most, self.drawn)
