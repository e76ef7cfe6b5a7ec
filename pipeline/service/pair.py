"""The pair that serves: a model and its own index, loaded together and replaced together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.service.hooks import Arm
from training.unlabelled import Shown

if TYPE_CHECKING:
    from training.encoding import Encoder

Floats = NDArray[np.float32]


class Searches(Protocol):
    """An index that answers for exactly one version."""

    @property
    def state(self) -> str:
        """What changes when the index of the same version is written anew."""

    @property
    def documents(self) -> int:
        """How many documents it holds."""

    def search(self, vector: Floats, k: int) -> Sequence[Shown]:
        """Return the k nearest documents of a query's vector, (dimensions,), the nearest first."""


@dataclass(frozen=True, eq=False)
class Served:
    """A loaded version: what answers a request from its first to its last step.

    Attributes
    ----------
    version
        Its number.
    fingerprint
        Identity of its embedding space.
    encoder
        Its model.
    index
        The index of its documents; None: it has none.
    """

    version: int
    fingerprint: str
    encoder: "Encoder"
    index: Searches | None = None


@dataclass(frozen=True)
class Loaded:
    """All that is loaded, replaced as one reference: no request ever sees half of a change.

    Attributes
    ----------
    champion
        Answers every request that no canary takes; None before the first one is loaded.
    candidate
        Answers the share of a canary; None: there is none.
    """

    champion: Served | None = None
    candidate: Served | None = None

    def arm(self, arm: Arm) -> Served | None:
        """Return the pair of an arm; the champion answers where no candidate is loaded."""
        return self.candidate or self.champion if arm == "candidate" else self.champion


class Pairs:
    """The one place that says what serves now.

    A request takes the pair once, at its beginning, and keeps it to its end. A pair that was
    replaced is freed when the last request that holds it has ended.
    """

    def __init__(self) -> None:
        self.loaded = Loaded()
