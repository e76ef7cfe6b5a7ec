"""Loading a version for the service: checked files, the model, its index, and a probe of both."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.registry import VersionFolder
from pipeline.search import ServingPair, pair_for
from pipeline.service.pair import Served
from pipeline.workspace import OpenWorkspace
from training.encoding import Encoder, NumberFormat
from training.faults import DataFault, NoEmbedding

logger = logging.getLogger(__name__)

_WARM_UP = ("a", "where is my card", "how can I change the address of an order " * 20)
_PROBES = 16
_CLOSE: Mapping[NumberFormat, float] = {"float32": 1e-3, "bfloat16": 1e-2, "float16": 1e-2}
"""Largest difference to a stored probe, in any number of its vector; judged, not calibrated.

Batches of another size differ by up to 2e-7 in float32 and 2e-3 in bfloat16
(docs/measurements/precision.md).
"""


class ProbeFailed(DataFault):
    """A version does not give the vectors that it was registered with."""


@dataclass(frozen=True)
class Loader:
    """Loads versions of an open workspace.

    Attributes
    ----------
    opened
        The workspace.
    """

    opened: OpenWorkspace

    def load(self, number: int) -> Served:
        """Return a version that has answered its probes.

        Raises
        ------
        AnchorholdError
            Its files are damaged, its model cannot be loaded or does not give what it was
            registered with, or its index is of another space.
        """
        version = self.opened.registry.version(number)
        folder = self.opened.versions.folder(version)
        expected = self.opened.encoders.identity(folder)
        # Without the cache of the cycles, which the traffic would fill.
        encoder = self.opened.encoders.load_alone(folder.model, f"version {number}")
        if encoder.fingerprint != expected:
            raise ProbeFailed(
                f"version {number} has the fingerprint {encoder.fingerprint[:12]}, but was "
                f"registered with {expected[:12]}"
            )
        _probe(number, encoder, folder, _CLOSE[self.opened.encoders.precision])
        served = Served(number, encoder, self._index(number, encoder))
        _warm_up(served)
        return served

    def with_index_of_today(self, served: Served) -> Served:
        """Return the pair with the index as it is now, or itself where that did not change."""
        found = self._index(served.version, served.encoder)
        now = Served(served.version, served.encoder, found)
        if now.index_state == served.index_state:
            return served
        if found is not None:
            # The model serves already; only what is new is tried, by any vector.
            found.search(np.eye(1, served.encoder.dimensions, dtype=np.float32), 1)
        return now

    def _index(self, number: int, encoder: Encoder) -> ServingPair | None:
        return pair_for(self.opened.indexes, number, encoder.fingerprint)


def _probe(number: int, encoder: Encoder, folder: VersionFolder, close: float) -> None:
    """Refuse a model whose vectors are not finite, or not those that were stored with it."""
    texts, stored = folder.probes()
    checked: Sequence[str] = texts[:_PROBES] or _WARM_UP
    try:
        found = encoder.unit_vectors(checked)
    except NoEmbedding:
        # Its message quotes the text, which is a user's.
        raise ProbeFailed(f"version {number} has no finite vector for a probe text") from None
    if not texts or folder.facts().fingerprint != encoder.fingerprint:
        return
    difference = float(np.abs(found - stored[: len(checked)]).max())
    if difference > close:
        raise ProbeFailed(
            f"version {number} gives other vectors for its probe texts than when it was "
            f"registered (largest difference {difference:.2g}, allowed {close:g})"
        )


def _warm_up(served: Served) -> None:
    """Let model and index do once what the first requests would wait for."""
    vectors = served.encoder.encode_pass(_WARM_UP)
    if served.index is not None:
        served.index.search(vectors, 1)
