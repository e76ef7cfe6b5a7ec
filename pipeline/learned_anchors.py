"""Learned anchors: what was learned becomes something to hold."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from training.evaluate import EvaluationSet


@dataclass(
    frozen=True, config=ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)
)
class LearnedAnchors:
    """Keep the held-out queries of each promotion as an anchor set of the version.

    Examples
    --------
    >>> one = EvaluationSet("anchor/learned-0002", {"q": "a"}, {"d": "b"}, {"q": {"d": 1}})
    >>> new = EvaluationSet("new", {"r": "c"}, {"e": "f"}, {"r": {"e": 1}})
    >>> [each.name for each in LearnedAnchors(maximum=2).keep([one], new, "0004")]
    ['anchor/learned-0002', 'anchor/learned-0004']
    >>> [len(each.queries) for each in LearnedAnchors(maximum=1).keep([one], new, "0004")]
    [2]
    """

    maximum: int = Field(default=5, ge=1)
    """Learned anchor sets of a version at most; beyond that, the two oldest become one."""

    def keep(
        self, learned: Sequence[EvaluationSet], new_task: EvaluationSet, cycle: str
    ) -> list[EvaluationSet]:
        """Return the learned sets with the new task among them, oldest first."""
        sets = [*learned, replace(new_task, name=f"anchor/learned-{cycle}")]
        while len(sets) > self.maximum:
            sets[:2] = [_merged(sets[0], sets[1])]
        return sets


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
