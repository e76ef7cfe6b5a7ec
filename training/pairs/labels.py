"""The labels of a training set: which texts answer a query and so cannot be its negatives."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import Pair, normalised


class LabelledTexts:
    """Which texts of a training set cannot be negatives of which query, by the labels.

    A document cannot be a negative of a query if it is the text of the query, one of its positives,
    or of the same meaning by the labels (see `same_meaning_groups`).

    Examples
    --------
    >>> labels = LabelledTexts([Pair("1", "a", "x"), Pair("2", "a", "y"), Pair("3", "b", "z")])
    >>> labels.answers([0, 2], ["x", "y", "z"]).tolist()
    [[True, True, False], [False, False, True]]
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._groups = same_meaning_groups(pairs)
        self.queries = [self.name(pair.query) for pair in pairs]
        self._keys = [normalised(pair.positive) for pair in pairs]
        self.positives = [self._groups.get(key, key) for key in self._keys]
        self.negatives = [self.name(pair.negative) for pair in pairs]
        self._answers: dict[str, set[str]] = {}
        for query, positive in zip(self.queries, self.positives, strict=True):
            self._answers.setdefault(query, {query}).add(positive)

    def name(self, text: str) -> str:
        """Return the name of a text: its key, or the key of its meaning."""
        key = normalised(text)
        return self._groups.get(key, key)

    def answers(self, rows: Sequence[int], documents: Sequence[str]) -> NDArray[np.bool_]:
        """Return which documents answer the query of each row.

        Parameters
        ----------
        rows
            Numbers of the rows.
        documents
            Names of the documents, see `name`.

        Returns
        -------
        numpy.ndarray
            (rows, documents), true where the document answers the query.
        """
        places: dict[str, list[int]] = defaultdict(list)
        for place, document in enumerate(documents):
            places[document].append(place)
        found = np.zeros((len(rows), len(documents)), dtype=bool)
        for answers, row in zip(found, rows, strict=True):
            for name in self._answers[self.queries[row]]:
                answers[places.get(name, [])] = True
        return found

    def count_answers(self, rows: Sequence[int]) -> list[int]:
        """Return how many different positives of these rows answer the query of each row.

        Examples
        --------
        >>> labels = LabelledTexts([Pair("1", "a", "x"), Pair("2", "a", "y"), Pair("3", "b", "x")])
        >>> labels.count_answers([0, 1, 2]), labels.count_answers([0, 2])
        ([2, 2, 1], [1, 1])
        """
        texts: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            texts[self.positives[row]].add(self._keys[row])
        return [
            sum(len(texts.get(name, ())) for name in self._answers[self.queries[row]])
            for row in rows
        ]


def same_meaning_groups(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return text key -> key of its group, for texts that mean the same by the labels.

    A text that occurs on both sides (once as a query, once as a positive) shows that the relation
    is "means the same". This is transitive: all partners of the text belong to one group. In
    question-to-document data no text occurs on both sides, and there are no groups.

    The key of a group is the smallest key of its texts, so that it does not depend on their order.

    Examples
    --------
    >>> pairs = [Pair("1", "lost card", "it is gone"), Pair("2", "it is gone", "i lost my card")]
    >>> groups = same_meaning_groups(pairs)
    >>> groups["lost card"] == groups["i lost my card"]
    True
    """
    from scipy.cluster.hierarchy import DisjointSet

    links = [(normalised(pair.query), normalised(pair.positive)) for pair in pairs]
    two_sided = {query for query, _ in links} & {positive for _, positive in links}
    meanings = DisjointSet()
    for query, positive in links:
        if query in two_sided or positive in two_sided:
            meanings.add(query)
            meanings.add(positive)
            meanings.merge(query, positive)
    groups = [(min(texts), texts) for texts in meanings.subsets()]
    return {text: key for key, texts in groups for text in texts}
