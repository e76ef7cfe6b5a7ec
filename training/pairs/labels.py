"""The labels of a training set: which texts answer which query, and so are no negatives of it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.pairs.pair import Pair, normalised


class LabelledTexts:
    """Which texts of a training set may not serve as negatives of which query, by the labels.

    A document is no negative of a query when it is the query's own text, one of its labelled
    positives, or of the same meaning by the labels (see `same_meaning_groups`).

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
        """Return the name under which a text is known here: its key, or that of its meaning."""
        key = normalised(text)
        return self._groups.get(key, key)

    def answers(self, rows: Sequence[int], documents: Sequence[str]) -> NDArray[np.bool_]:
        """Return which documents (by name) answer each row's query, (rows, documents)."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, document in enumerate(documents):
            places[document].append(place)
        found = np.zeros((len(rows), len(documents)), dtype=bool)
        for answers, row in zip(found, rows, strict=True):
            for name in self._answers[self.queries[row]]:
                answers[places.get(name, [])] = True
        return found

    def count_answers(self, rows: Sequence[int]) -> list[int]:
        """Return how many different positives of these rows answer each row's query.

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
    """Return text key -> group key for texts which the labels declare to mean the same.

    A text that stands on both sides (as a query here, as a positive there) shows that the relation
    is "means the same", which is transitive: its partners belong together. In question-to-document
    data no text stands on both sides, and there are no groups.

    Examples
    --------
    >>> pairs = [Pair("1", "lost card", "it is gone"), Pair("2", "it is gone", "i lost my card")]
    >>> groups = same_meaning_groups(pairs)
    >>> groups["lost card"] == groups["i lost my card"]
    True
    """
    links = [(normalised(pair.query), normalised(pair.positive)) for pair in pairs]
    two_sided = {query for query, _ in links} & {positive for _, positive in links}
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while parent.setdefault(text, text) != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    for query, positive in links:
        if query in two_sided or positive in two_sided:
            # The smaller key becomes the root, so that the group's name does not depend on the
            # order.
            first, second = sorted((root(query), root(positive)))
            parent[second] = first
    return {text: root(text) for text in list(parent)}
