"""Learned anchors: what one promotion learned, later ones must not forget."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.evaluation.evaluation_set import EvaluationSet
from training.settings import SETTINGS

LEARNED = "anchor/learned-"
"""How the names of these sets begin."""


@dataclass(frozen=True, config=SETTINGS)
class LearnedAnchors:
    """Keep the held-out queries of each promotion as an anchor set of the new version.

    Examples
    --------
    >>> one = EvaluationSet("anchor/learned-0002", {"q": "a"}, {"d": "b"}, {"q": {"d": 1}})
    >>> new = EvaluationSet("new", {"r": "c"}, {"e": "f"}, {"r": {"e": 1}})
    >>> worker = LearnedAnchors(minimum_queries=1)
    >>> [each.name for each in worker.keep([one], new, "0004")]
    ['anchor/learned-0002', 'anchor/learned-0004']
    >>> [len(each.queries) for each in LearnedAnchors(maximum=1).keep([one], new, "0004")]
    [2]
    >>> LearnedAnchors(minimum_queries=75).held([one])
    []
    """

    maximum: int = Field(default=5, ge=1)
    """Maximum number of learned anchor sets per version; beyond it the two oldest are merged."""
    minimum_queries: int = Field(default=75, ge=1)
    """Minimum number of queries for a learned set to be judged; smaller sets are merged until then.

    With fewer, not even a candidate that ranks every query as the champion does could be shown to
    lose less than 0.02 (the rule of three): a small set would forbid every promotion.
    """

    def keep(
        self, learned: Sequence[EvaluationSet], new_task: EvaluationSet, cycle: str
    ) -> list[EvaluationSet]:
        """Return the learned sets with the new task added, oldest first.

        Parameters
        ----------
        learned
            The learned sets so far, oldest first.
        new_task
            The held-out queries of the pairs just learned.
        cycle
            The cycle that learned it; names the set.
        """
        # It loses its slices: a set that later ones are merged into is judged as a whole.
        sets = [*learned, replace(new_task, name=f"{LEARNED}{cycle}", slices={})]
        if len(sets) > 1 and len(sets[-2].queries) < self.minimum_queries:
            sets[-2:] = [_merged(sets[-2], sets[-1])]
        while len(sets) > self.maximum:
            sets[:2] = [_merged(sets[0], sets[1])]
        return sets

    def held(self, learned: Sequence[EvaluationSet]) -> list[EvaluationSet]:
        """Return the learned sets that are large enough to judge candidates."""
        return [each for each in learned if len(each.queries) >= self.minimum_queries]


def _merged(older: EvaluationSet, newer: EvaluationSet) -> EvaluationSet:
    """Return both as one set with the name of the older one; their ids are digests of texts."""
    return replace(EvaluationSet.joined(older.name, [older, newer]), slices={}, notes=())
