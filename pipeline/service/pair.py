"""The pair that serves: a model and the index of its space, loaded and replaced together."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.service.hooks import Arm

if TYPE_CHECKING:
    from pipeline.search import ServingPair
    from training.encoding import Encoder


@dataclass(frozen=True, eq=False)
class Served:
    """A loaded version: what answers a request from its first to its last step.

    Attributes
    ----------
    version
        Its number.
    encoder
        Its model.
    index
        What its vectors search, with the bridge to it where there is one; None: it has no index.
    """

    version: int
    encoder: "Encoder"
    index: "ServingPair | None" = None

    @property
    def fingerprint(self) -> str:
        """Identity of its embedding space."""
        return self.encoder.fingerprint

    @property
    def index_state(self) -> tuple[object, ...] | None:
        """What differs as soon as another index, or another state of it, serves the version."""
        if self.index is None:
            return None
        stamp = self.index.index.stamp
        return self.index.table_version, stamp.digest, stamp.made, self.index.bridge is None


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
        """Return the pair of an arm; the champion answers where the candidate cannot."""
        tried = self.candidate
        if arm == "champion" or tried is None:
            return self.champion
        # A candidate without the index that the champion has would find nothing.
        lacks = tried.index is None and self.champion is not None and self.champion.index
        return self.champion if lacks else tried


class Pairs:
    """The one place that says what serves now.

    A request takes a pair once, at its beginning, and keeps it to its end. A pair that was replaced
    is freed when the last request that holds it has ended.
    """

    def __init__(self) -> None:
        self.loaded = Loaded()
