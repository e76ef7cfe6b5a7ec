"""Learned anchors: what was learned becomes something to hold."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.evaluation.evaluation_set import EvaluationSet
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class LearnedAnchors:
    """Keep the held-out queries of each promotion as an anchor set of the version.

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
    """Learned anchor sets of a version at most; beyond that, the two oldest become one."""
    minimum_queries: int = Field(default=75, ge=1)
    """Queries from which a learned set is held; smaller ones grow together until then.

    With fewer, not even a candidate that ranks every query alike could be vouched for at a margin
    of 0.02 (the rule of three), so that a small set would forbid every promotion.
    """

    def keep(
        self, learned: Sequence[EvaluationSet], new_task: EvaluationSet, cycle: str
    ) -> list[EvaluationSet]:
        """Return the learned sets with the new task among them, oldest first."""
        # Its slices go: a set that grows with later ones is held as a whole.
        sets = [*learned, replace(new_task, name=f"anchor/learned-{cycle}", slices={})]
        if len(sets) > 1 and len(sets[-2].queries) < self.minimum_queries:
            sets[-2:] = [_merged(sets[-2], sets[-1])]
        while len(sets) > self.maximum:
            sets[:2] = [_merged(sets[0], sets[1])]
        return sets

    def held(self, learned: Sequence[EvaluationSet]) -> list[EvaluationSet]:
        """Return the learned sets that are large enough to judge candidates by."""
        return [each for each in learned if len(each.queries) >= self.minimum_queries]


def _merged(older: EvaluationSet, newer: EvaluationSet) -> EvaluationSet:
    """Return both as one set under the older's name.

    Ids are digests of the texts, so that equal texts meet and different ones do not.
    """
    relevant = {
        query: {**older.relevant.get(query, {}), **newer.relevant.get(query, {})}
        for query in {**older.relevant, **newer.relevant}
    }
    return EvaluationSet(
        name=older.name,
        queries={**older.queries, **newer.queries},
        corpus={**older.corpus, **newer.corpus},
        relevant=relevant,
    )
