"""Quality in past windows: what the champion finds of their labels, and what users clicked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift_triggers.signal import Quality
from pipeline.cycle import quality_beside
from pipeline.registry import VersionFolder
from pipeline.workspace import Scores
from training.pairs import Pair
from training.unlabelled import ServedQuery

PAIRS, CLICKS = "labelled pairs", "clicks"
_METRIC = "recall_at_10"
_FEWEST = 20
"""Queries of a window that may stand for the time before."""


@dataclass
class WindowQuality:
    """The champion's hit rate per window, beside the time before the windows.

    Where nothing is known of that time, the first window with enough queries stands for it.

    Attributes
    ----------
    scores, champion
        What scores which version.
    known
        Labelled pairs of the time before.
    served
        Served queries of the time before.
    """

    scores: Scores
    champion: VersionFolder
    known: Sequence[Pair] = ()
    served: Sequence[ServedQuery] = ()
    _clicked: NDArray[np.float64] | None = field(default=None, init=False)

    def of(self, pairs: Sequence[Pair], served: Sequence[ServedQuery]) -> dict[str, Quality]:
        """Return the quality of the next window, by what it was measured on."""
        found = {PAIRS: self._of_pairs(pairs), CLICKS: self._of_clicks(served)}
        return {name: quality for name, quality in found.items() if quality is not None}

    def _of_pairs(self, pairs: Sequence[Pair]) -> Quality | None:
        quality = quality_beside(self.scores, self.champion, pairs, self.known, _METRIC)
        if len(self.known) < _FEWEST <= len(pairs):
            self.known = pairs
        return quality

    def _of_clicks(self, served: Sequence[ServedQuery]) -> Quality | None:
        if self._clicked is None:
            before = clicked(self.served)
            self._clicked = before if len(before) >= _FEWEST else None
        now = clicked(served)
        if len(now) < _FEWEST:
            return None
        if self._clicked is None:
            self._clicked = now
            return None
        queries = tuple(each.query for each in served if each.shown)
        return Quality(accepted=self._clicked, now=now, paired=False, queries=queries)


def clicked(served: Sequence[ServedQuery]) -> NDArray[np.float64]:
    """Return for each query with results whether a result was clicked; nothing without any click.

    Examples
    --------
    >>> from training.unlabelled import Shown
    >>> shown = (Shown("d1"), Shown("d2"))
    >>> clicked([ServedQuery("lost card", shown, ("d2",)), ServedQuery("pin", shown)])
    array([1., 0.])
    """
    hits = np.array([float(bool(each.clicked)) for each in served if each.shown], dtype=np.float64)
    return hits if hits.any() else hits[:0]
