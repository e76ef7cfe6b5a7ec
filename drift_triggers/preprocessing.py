"""Recent texts were read, cleaned or cut in another way than those that the champion knows."""

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Preprocessing, Signal


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class PreprocessingChange:
    """Say that the pipeline changed: something else made the texts of the recent window.

    Compares identities, not texts: what read the records, by which rules, how it cut them, and what
    the settings declare was done before (``intake.text_preprocessing``). If it fires, drift of the
    same window has the cause ``pipeline`` and is not taken for new topics; it starts a training
    only if quality fell. This trigger starts none by itself. Documents that are read in another
    way are reported, and do not fire.

    Notes
    -----
    The effect is the share of recent texts that were made in a way in which no known text was, 0 to
    1. Has no p-value: nothing is estimated. Not measured where it is not recorded what read the
    texts, which is so for texts stored before it was.

    References
    ----------
    Records of the store, see ``pipeline.store.preprocessings``.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Preprocessing, PreprocessingChange, Sample
    >>> recent = Sample(("where is my card",) * 100, np.ones((100, 1), np.float32))
    >>> told = Preprocessing({"a": 300}, {"b": 90, "a": 10}, {"a": "cleaner 3", "b": "cleaner 4"})
    >>> seen = Observation(recent, recent, preprocessing={"texts": told})
    >>> PreprocessingChange().check(seen).reason
    'the pipeline changed: 90% of 100 recent texts were made by cleaner 4, which made no known text'
    """

    name: ClassVar[str] = "preprocessing"

    minimum_share: float = Field(default=0.5, gt=0.0, lt=1.0)
    """Share of recent texts made in a new way that must be exceeded, 0 to 1: with fewer, most of
    the window can still show what it is about."""
    minimum_texts: int = Field(default=20, ge=1)
    """Recent texts whose making must be known; fewer are no window."""

    def check(self, observation: Observation) -> Signal:
        """Compare what read the recent texts with what read the known ones."""
        told = [
            f"{100 * changed:.0f}% of {sum(each.recent.values())} recent {kind} were made by "
            f"{', '.join(_new(each))}, which made no known {kind.removesuffix('s')}"
            for kind, each in observation.preprocessing.items()
            if (changed := each.changed)
        ]
        texts = observation.preprocessing.get("texts")
        count = min(len(observation.recent), sum(texts.recent.values())) if texts else 0
        share = texts.changed if texts and count >= self.minimum_texts else None
        if share is None and not told:
            return Signal.unmeasured(self.name, "what made enough texts is not recorded")
        fired = share is not None and share > self.minimum_share
        reason = "; ".join(told) or "the recent texts were made as the known ones were"
        return Signal(
            self.name,
            fired,
            f"the pipeline changed: {reason}" if told else reason,
            effect=share,
            threshold=self.minimum_share,
            cause="pipeline" if fired else None,
        )


def _new(found: Preprocessing) -> list[str]:
    return [found.names.get(name, name) for name in found.recent if name not in found.known]
