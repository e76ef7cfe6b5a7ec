"""Texts in two embedding spaces: what is searched, asked, fitted on and measured."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.search.bridge import Bridge, Floats
from training.encoding import Kind, Similarity, TextEncoder
from training.evaluation import EvaluationSet, nearest
from training.pairs import hash_share, normalised

DEPTH = 10
"""Documents per query that a search returns."""
DOCUMENTS = "documents"
"""Name of the collection that holds the documents of the workspace."""
_MEASURED = 2 / 3
"""Share of the queries that are measured; bridges are fitted on the others."""
_ROWS_AT_ONCE = 256

Places = NDArray[np.int32]


@dataclass(frozen=True)
class Both:
    """Vectors of the same texts by the new and by the old model."""

    new: Floats
    """(texts, new dimensions)."""
    old: Floats
    """(texts, old dimensions)."""

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.new)

    def at(self, places: Sequence[int] | NDArray[np.integer]) -> Self:
        """Return some of the texts, by their places."""
        chosen = np.asarray(places, dtype=np.int64)
        return replace(self, new=self.new[chosen], old=self.old[chosen])

    @classmethod
    def joined(cls, parts: Iterable["Both"]) -> Self:
        """Return the texts of all parts; there must be one."""
        each = list(parts)
        return cls(
            np.concatenate([part.new for part in each]), np.concatenate([part.old for part in each])
        )


@dataclass(frozen=True)
class Spaces:
    """The two spaces: fingerprints, and how each compares queries with documents."""

    new: str
    old: str
    new_similarity: Similarity = field(default_factory=Similarity)
    old_similarity: Similarity = field(default_factory=Similarity)

    @classmethod
    def of(cls, new: TextEncoder, old: TextEncoder) -> Self:
        """Return the spaces of two encoders."""
        return cls(new.fingerprint, old.fingerprint, new.similarity, old.similarity)


@dataclass(frozen=True)
class Collection:
    """Documents and the queries that search them, encoded by both models.

    Attributes
    ----------
    name
        Name of the evaluation set; "documents" for those of the workspace.
    document_ids, document_texts, documents
        What is searched, in ascending order of the ids.
    query_ids, query_texts, queries
        What is asked, in ascending order of the ids.
    labelled
        The evaluation set, where it is known which documents are relevant.
    reworded, reworded_of
        Rewordings of some queries, and the place of the query of each.
    """

    name: str
    document_ids: tuple[str, ...]
    document_texts: Sequence[str]
    documents: Both
    query_ids: tuple[str, ...]
    query_texts: Sequence[str]
    queries: Both
    labelled: EvaluationSet | None = None
    reworded: Both | None = None
    reworded_of: tuple[int, ...] = ()

    @classmethod
    def of_set(cls, given: EvaluationSet, both: Callable[[Sequence[str], Kind], Both]) -> Self:
        """Return an evaluation set as what is searched and asked; `both` encodes its texts."""
        documents, queries = sorted(given.corpus), sorted(given.queries)
        texts = [given.corpus[name] for name in documents]
        asked = [given.queries[name] for name in queries]
        return cls(
            given.name,
            tuple(documents),
            texts,
            both(texts, "document"),
            tuple(queries),
            asked,
            both(asked, "query"),
            labelled=given,
        )

    @cached_property
    def measured(self) -> list[int]:
        """Places of the queries that are measured, and not fitted on."""
        return [row for row, text in enumerate(self.query_texts) if is_measured(text)]

    @cached_property
    def measured_set(self) -> EvaluationSet | None:
        """The evaluation set with its measured queries only; None without labels."""
        if self.labelled is None:
            return None
        return self.labelled.of_queries(self.query_ids[row] for row in self.measured)

    @cached_property
    def relevant_pairs(self) -> list[tuple[int, int]]:
        """The places of each measured query and each of its relevant documents."""
        if self.labelled is None:
            return []
        place = {name: row for row, name in enumerate(self.document_ids)}
        relevant = self.labelled.relevant
        return [
            (row, place[name])
            for row in self.measured
            for name in relevant.get(self.query_ids[row], ())
            if name in place
        ]


def is_measured(query: str) -> bool:
    """Say whether a query is measured; its text alone decides, so that copies go together.

    Examples
    --------
    >>> is_measured("where is my card") == is_measured("Where is  my card")
    True
    """
    return hash_share(0, "bridge", normalised(query)) < _MEASURED


@dataclass(frozen=True)
class Way:
    """One way to answer queries: which vectors ask, and which are searched.

    Attributes
    ----------
    spaces
        The two spaces.
    bridge
        Maps new queries into the old space; None: no map.
    old_queries
        Whether the old model encodes the queries: today's pair.
    """

    spaces: Spaces
    bridge: Bridge | None = None
    old_queries: bool = False

    @property
    def _is_old(self) -> bool:
        return self.old_queries or self.bridge is not None

    @property
    def similarity(self) -> Similarity:
        """How queries and documents are compared."""
        return self.spaces.old_similarity if self._is_old else self.spaces.new_similarity

    def asked(self, queries: Both) -> Floats:
        """Return the vectors that ask."""
        if self.bridge is not None:
            return self.bridge.apply(queries.new)
        return queries.old if self.old_queries else queries.new

    def searched(self, documents: Both) -> Floats:
        """Return the vectors that are searched."""
        return documents.old if self._is_old else documents.new

    def search(self, queries: Both, documents: Both) -> tuple[Places, Floats]:
        """Return places and scores of the ten nearest documents of each query, best first."""
        return nearest(
            self.asked(queries),
            self.searched(documents),
            depth=DEPTH,
            rows_at_once=_ROWS_AT_ONCE,
            similarity=self.similarity,
        )

    def scores(self, queries: Both, documents: Both) -> Floats:
        """Return the score of each query with the document of the same row."""
        return alike(self.similarity, self.asked(queries), self.searched(documents))


def alike(similarity: Similarity, queries: Floats, documents: Floats) -> Floats:
    """Return the similarity of each query to the document of the same row, (rows,).

    Examples
    --------
    >>> alike(Similarity(), np.float32([[1, 0], [0, 1]]), np.float32([[1, 0], [1, 0]])).tolist()
    [1.0, 0.0]
    """
    if similarity.name in ("cosine", "dot"):
        found = np.einsum("rd,rd->r", queries, documents)
    else:
        order = 1 if similarity.name == "manhattan" else 2
        found = -np.linalg.norm(queries - documents, ord=order, axis=1)
    return np.asarray(found, dtype=np.float32)


@dataclass(frozen=True)
class Split:
    """Texts that bridges may be fitted on, and those that they are measured on, each once.

    Attributes
    ----------
    asked, searched
        Queries and documents to fit on.
    held
        Measured queries, and documents that answer them best.
    """

    asked: Both
    searched: Both
    held: Both


def split(collections: Sequence[Collection], spaces: Spaces) -> Split:
    """Split texts into those to fit on and those to measure.

    No measured query is fitted on, and no document that answers one: neither what either model
    finds first for it, nor the relevant document that is nearest to it by either.
    """
    barred: set[str] = set()
    for each in collections:
        barred |= {normalised(each.query_texts[row]) for row in each.measured}
        barred |= _answers(each, spaces)
    queries = [(each.query_texts, each.queries) for each in collections]
    documents = [(each.document_texts, each.documents) for each in collections]
    return Split(
        _chosen(queries, lambda key: key not in barred),
        _chosen(documents, lambda key: key not in barred),
        _chosen([*queries, *documents], barred.__contains__),
    )


def _chosen(parts: Iterable[tuple[Sequence[str], Both]], wanted: Callable[[str], bool]) -> Both:
    """Return the texts of all parts that are wanted, each once."""
    seen: set[str] = set()
    chosen = []
    for texts, vectors in parts:
        rows = []
        for row, key in enumerate(map(normalised, texts)):
            if wanted(key) and key not in seen:
                seen.add(key)
                rows.append(row)
        chosen.append(vectors.at(rows))
    return Both.joined(chosen)


def _answers(collection: Collection, spaces: Spaces) -> set[str]:
    """Return the texts of the documents that answer measured queries best."""
    rows = collection.measured
    if not rows or not len(collection.documents):
        return set()
    found: set[int] = set()
    for way in (Way(spaces), Way(spaces, old_queries=True)):
        places, _ = way.search(collection.queries.at(rows), collection.documents)
        found.update(places[:, 0].tolist())
        found.update(_nearest_relevant(collection, way))
    return {normalised(collection.document_texts[place]) for place in found}


def _nearest_relevant(collection: Collection, way: Way) -> Iterator[int]:
    """Yield for each measured query the place of the relevant document that is nearest to it."""
    pairs = collection.relevant_pairs
    if not pairs:
        return
    rows, places = zip(*pairs, strict=True)
    scores = way.scores(collection.queries.at(rows), collection.documents.at(places))
    best: dict[int, tuple[float, int]] = {}
    for row, place, score in zip(rows, places, scores.tolist(), strict=True):
        best[row] = max(best.get(row, (-np.inf, place)), (score, place))
    yield from (place for _, place in best.values())
