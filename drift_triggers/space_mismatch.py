"""The embedding space in use is not the one the champion was accepted with."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SpaceMismatch:
    """Block when vectors of two spaces would be mixed, even if their dimensions agree.

    Compares identities (fingerprints of encoder, tokenizer and index) and probes: the stored
    vectors of a few texts against new ones, which also shows what no fingerprint contains, such as
    a changed library. Training cannot repair either, so this trigger blocks.

    Notes
    -----
    The effect is the largest cosine distance between stored and new probe vectors, 0 to 2; None
    without probes. There is no p-value. Not measured without the accepted space, without a serving
    space and index fingerprints, or when all identities and probes are unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, Space, SpaceMismatch
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> seen = Observation(none, none, accepted_space=Space("a"), serving_space=Space("b"))
    >>> SpaceMismatch().check(seen).reason
    'not the embedding space of the champion: serving encoder b... instead of a...'
    >>> seen = Observation(none, none, accepted_space=Space("a"), serving_space=Space("a"))
    >>> SpaceMismatch().check(seen).reason
    'one embedding space'
    """

    name: ClassVar[str] = "space_mismatch"

    maximum_distance: float = Field(default=0.001, gt=0.0, lt=2.0)
    """Largest cosine distance of a probe from its stored vector; another machine gives 1e-6 in
    float32, 1e-4 in bfloat16."""

    def check(self, observation: Observation) -> Signal:
        """Compare fingerprints and probe vectors."""
        accepted, serving = observation.accepted_space, observation.serving_space
        if accepted is None or (serving is None and not observation.index_fingerprints):
            return Signal.unmeasured(self.name, "no embedding spaces were given")
        effect = None
        compared = len(observation.index_fingerprints)
        wrong = [
            f"index vectors of {stamp[:12]}... instead of {accepted.fingerprint[:12]}..."
            for stamp in sorted(set(observation.index_fingerprints) - {accepted.fingerprint})
        ]
        if serving is not None:
            for what, known, found in (
                ("serving encoder", accepted.fingerprint, serving.fingerprint),
                ("tokenizer", accepted.tokenizer, serving.tokenizer),
            ):
                compared += bool(known and found)
                if known and found and known != found:
                    wrong.append(f"{what} {found[:12]}... instead of {known[:12]}...")
            if accepted.probes is not None and serving.probes is not None:
                compared += 1
                effect, told = self._probe(accepted.probes, serving.probes)
                wrong += told
        if not compared:
            return Signal.unmeasured(self.name, "the identities of the spaces are unknown")
        if not wrong:
            moved = "" if effect is None else f" (probes moved by at most {effect:.1g})"
            return Signal(
                self.name,
                False,
                f"one embedding space{moved}",
                effect=effect,
                threshold=self.maximum_distance,
            )
        return Signal(
            self.name,
            True,
            "not the embedding space of the champion: " + "; ".join(wrong),
            effect=effect,
            threshold=self.maximum_distance,
            cause="model_version",
            blocks=True,
        )

    def _probe(
        self, stored: NDArray[np.float32], fresh: NDArray[np.float32]
    ) -> tuple[float, list[str]]:
        if not np.isfinite(stored).all() or not np.isfinite(fresh).all():
            raise ValueError("probe vectors must be finite")
        if stored.shape != fresh.shape:
            return 2.0, [f"probe vectors of shape {fresh.shape} instead of {stored.shape}"]
        if not len(stored):
            return 0.0, []
        lengths = np.linalg.norm(stored, axis=1) * np.linalg.norm(fresh, axis=1)
        cosines = np.einsum("ij,ij->i", stored, fresh) / np.maximum(lengths, 1e-12)
        farthest = float(max(0.0, 1.0 - cosines.min()))
        if farthest <= self.maximum_distance:
            return farthest, []
        return farthest, [f"probes moved by up to {farthest:.3f} (cosine distance)"]
