"""Proxies: evaluation sets that nobody labelled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.evaluation import EvaluationSet
from training.pairs import Pair
from training.unlabelled.corpus import Corpus
from training.unlabelled.passages import by_hash


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


def further_rows(
    corpus: Corpus,
    searches: Sequence[NDArray[np.integer]],
    taken: Collection[int],
    wanted: int,
    seed: int,
) -> list[int]:
    """Return rows of documents that make a search hard, and then some chosen by their ids.

    Parameters
    ----------
    corpus
        The documents.
    searches
        What searches find for the queries, best first, (queries, depth) each.
    taken
        Rows that are not wanted.
    wanted
        Largest number of rows.
    seed
        Seed of the choice by ids.
    """
    left_out = {-1, *taken}
    depth = max((found.shape[1] for found in searches), default=0)
    # Rank by rank, so that each query has its nearest documents before any has more.
    ranks = (found[:, rank] for rank in range(depth) for found in searches if rank < found.shape[1])
    hard = dict.fromkeys(row for rank in ranks for row in rank.tolist() if row not in left_out)
    rows = list(hard)[:wanted]
    free = set(range(len(corpus))) - left_out - set(rows)
    return rows + by_hash(corpus, free, f"{seed} other", wanted - len(rows))
