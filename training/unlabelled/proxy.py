"""Proxies: evaluation sets that nobody labelled."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation import EvaluationSet
from training.pairs import Pair


@dataclass(frozen=True)
class Proxy:
    """An evaluation set made without labels, and how it was made."""

    task: EvaluationSet | None
    """Queries, documents and assumed answers; None: there were too few."""
    considered: int
    """Queries or documents that could have become part of it."""
    reason: str
    """One sentence with the figures."""


def proxy_task(
    name: str, asked: Mapping[str, str], others: Mapping[str, str], *, seed: int = 0
) -> EvaluationSet:
    """Return an evaluation set of queries with one answer each among other documents.

    Parameters
    ----------
    name
        Name of the task.
    asked
        Query -> text that answers it.
    others
        Id -> text of further documents.
    seed
        Seed of the set.

    Examples
    --------
    >>> task = proxy_task("proxy/made", {"card gone": "We block it."}, {"9": "Opening hours"})
    >>> len(task.queries), len(task.corpus)
    (1, 2)
    """
    held = [Pair("", query, answer) for query, answer in asked.items()]
    # A text of its own as its query: it is nobody's answer.
    further = [Pair("", f"\x1f{key}", text) for key, text in others.items()]
    size = len(held) + len(further)
    return EvaluationSet.from_pairs(name, held, further, maximum_documents=size, seed=seed)
