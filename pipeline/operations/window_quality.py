"""Quality in past windows: what the champion finds of their labels, and what users clicked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from drift_triggers.signal import Quality
from pipeline.cycle import quality_beside
from pipeline.observation import Answered, click_quality
from pipeline.registry import VersionFolder
from pipeline.workspace import Scores
from training.pairs import Pair
from training.unlabelled import ServedQuery
from training.unlabelled.votes import Ballot

PAIRS = "labelled pairs"
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
    ballot
        Tells programs from people.
    """

    scores: Scores
    champion: VersionFolder
    known: Sequence[Pair] = ()
    served: Sequence[ServedQuery] = ()
    ballot: Ballot = field(default_factory=Ballot)

    def of(self, pairs: Sequence[Pair], served: Sequence[ServedQuery]) -> dict[str, Quality]:
        """Return the quality of the next window, by what it was measured on."""
        of_pairs = self._of_pairs(pairs)
        return ({PAIRS: of_pairs} if of_pairs else {}) | self._of_clicks(served)

    def _of_pairs(self, pairs: Sequence[Pair]) -> Quality | None:
        quality = quality_beside(self.scores, self.champion, pairs, self.known, _METRIC)
        if len(self.known) < _FEWEST <= len(pairs):
            self.known = pairs
        return quality

    def _of_clicks(self, served: Sequence[ServedQuery]) -> dict[str, Quality]:
        if not _enough(served):
            return {}
        if not _enough(self.served):
            self.served = served
            return {}
        return click_quality(Answered(before=self.served, recent=served), self.ballot)


def _enough(served: Sequence[ServedQuery]) -> bool:
    """Say whether lines are enough to compare, and record clicks."""
    shown = [line for line in served if line.shown]
    return len(shown) >= _FEWEST and any(line.clicked for line in shown)
