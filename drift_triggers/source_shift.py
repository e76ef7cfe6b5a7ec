"""One source of the traffic changed: its share, or its texts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.slices import Slice, most_moved, share_p_value
from drift_triggers.statistics.view import View


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class SourceShift:
    """Report which sources grew or shrank; with ``inside``, fire when one source shifted.

    The share of each source is compared by Fisher's exact test, corrected for the number of
    sources. A changed share is reported and never fires: texts that are answered as before need no
    training, whichever source sends them. With ``inside``, the texts of each source are compared
    with the past of the same source by ``embedding_shift`` with its default settings: this shows a
    shift in a small source that the overall distribution hides. It is off by default, as it costs
    one more ``embedding_shift``, and one more test lowers the level of the others in the policy. A
    source that sends nearly everything is left to ``embedding_shift``. Repetitions count once.

    Notes
    -----
    Effect and threshold are those of ``embedding_shift`` for the source with the clearest result;
    without ``inside`` there are none, and no p-value. Not measured without sources on both sides.

    References
    ----------
    ``scipy.stats.fisher_exact`` for the shares; ``embedding_shift`` for the texts.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, SourceShift
    >>> def sample(seed, mail):
    ...     rows = np.random.default_rng(seed).normal(0.0, 1.0, (200, 8))
    ...     rows[:50, 0] += mail
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = tuple(f"text {seed} {row}" for row in range(200))
    ...     return Sample(texts, rows.astype(np.float32), ("mail",) * 50 + ("app",) * 150)
    >>> [SourceShift(inside=True).check(Observation(recent, sample(2, -9.0))).fired
    ...  for recent in (sample(1, 9.0), sample(3, -9.0))]
    [True, False]
    """

    name: ClassVar[str] = "source_shift"

    inside: bool = False
    """Whether to compare the texts of each source with the past of the same source."""
    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value, corrected for the number of sources, that fires or reports a share."""
    minimum_change: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Smallest change of the share of a source that is reported, 0 to 1."""
    minimum_texts: int = Field(default=30, ge=20)
    """Distinct texts per side that a source needs; fewer cannot show a half new source."""
    largest_share: float = Field(default=0.9, gt=0.5, le=1.0)
    """Share on both sides above which a source is left to ``embedding_shift``, 0.5 to 1."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare the sources of the recent texts with those of the reference."""
        observation.require_texts()
        if not any(observation.recent.sources) or not any(observation.reference.sources):
            return Signal.unmeasured(self.name, "no sources were given")
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        before = np.array([observation.reference.sources[row] for row in reference.rows])
        now = np.array([observation.recent.sources[row] for row in recent.rows])
        shares = self._shares(before.tolist(), now.tolist())
        slices = {
            source: Slice(reference.rows[before == source], recent.rows[now == source])
            for source in sorted({*before.tolist(), *now.tolist()} - {""})
            if self.inside
            and min((before == source).sum(), (now == source).sum()) >= self.minimum_texts
            and min((before == source).mean(), (now == source).mean()) <= self.largest_share
        }
        if not slices:
            told = "no source has enough texts for a test of its own" if self.inside else ""
            return Signal(self.name, False, "; ".join(filter(None, (shares, told))))
        source, found = most_moved(
            observation,
            slices,
            significance=self.significance,
            largest_sample=self.largest_sample,
        )
        told = "shifted" if found.fired else f"changed most of {len(slices)}"
        return replace(
            found,
            trigger=self.name,
            reason=f"source {source!r} {told}: {found.reason}; {shares}",
        )

    def _shares(self, before: Sequence[str], now: Sequence[str]) -> str:
        old, new = Counter(before), Counter(now)
        names = sorted({*old, *new})
        moved = {}
        for name in names:
            change = new[name] / len(now) - old[name] / len(before)
            if abs(change) >= self.minimum_change:
                chance = share_p_value(old[name], len(before), new[name], len(now)) * len(names)
                if chance <= self.significance:
                    moved[name] = (change, chance)
        told = [
            f"{name or 'no source'} {old[name] / len(before):.0%} -> {new[name] / len(now):.0%} "
            f"(p = {moved[name][1]:.1g})"
            for name in sorted(moved, key=lambda name: -abs(moved[name][0]))[:3]
        ]
        if not told:
            return f"the shares of {len(names)} sources are unchanged"
        return f"the mix of sources changed: {', '.join(told)}"
