"""The similarities of queries and documents on the anchor sets, for each version that is made."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from pipeline.cycle.journal import Journal
from pipeline.registry import UnknownVersion, Version
from pipeline.results import (
    QUANTILES,
    CycleResult,
    Result,
    SetCosines,
    SpaceMovement,
    VersionCosines,
)
from pipeline.search import Encoders, alike, space_movement
from pipeline.workspace import OpenWorkspace
from training.encoding import TextEncoder
from training.evaluation import EvaluationSet
from training.pairs import hash_share

_BINS = 50
"""Bins from -1 to 1: a step of 0.04 is as fine as 60 queries, the fewest that are usual, show."""


class CosinesFound(Result):
    """The similarities of the version that a cycle made, and of the champion before; its moves."""

    cosines: tuple[VersionCosines, ...]
    movement: SpaceMovement | None = None


def with_cosines(opened: OpenWorkspace, journal: Journal, result: CycleResult) -> CycleResult:
    """Return the result of a cycle with what its version is like on the texts of anchor sets."""
    made = result.made
    if made is None:
        return result

    def measured() -> CosinesFound:
        return _measured(opened, made.version)

    found = journal.once("cosines", measured, CosinesFound)
    return result.changed(cosines=found.cosines, movement=found.movement)


def set_cosines(encoder: TextEncoder, given: EvaluationSet) -> SetCosines:
    """Measure one set; its texts are encoded already wherever it was scored.

    Examples
    --------
    >>> import numpy as np
    >>> class OneHot:
    ...     from training.encoding import Similarity
    ...     fingerprint, similarity = "f", Similarity()
    ...     def encode(self, texts, *, kind="query", progress=None):
    ...         return np.eye(3, dtype=np.float32)[[len(text) - 1 for text in texts]]
    >>> given = EvaluationSet("anchor/past", {"q": "a"}, {"d": "b", "e": "cc"}, {"q": {"d": 1}})
    >>> found = set_cosines(OneHot(), given)
    >>> found.relevant[2], found.random[2]
    (1.0, 0.0)
    """
    names = list(given.corpus)
    place = {name: row for row, name in enumerate(names)}
    queries = encoder.encode(list(given.queries.values()), kind="query")
    documents = encoder.encode(list(given.corpus.values()), kind="document")
    relevant: list[tuple[int, int]] = []
    drawn: list[tuple[int, int]] = []
    for row, query in enumerate(given.queries):
        answers = [name for name in given.relevant[query] if name in place]
        relevant += [(row, place[name]) for name in answers]
        first = int(hash_share(0, "random", query) * len(names))
        others = (names[(first + step) % len(names)] for step in range(len(names)))
        other = next((name for name in others if name not in given.relevant[query]), None)
        drawn += [(row, place[other])] if other is not None else []
    scores = []
    for pairs in (relevant, drawn):
        rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
        scores.append(np.asarray(alike(encoder.similarity, queries[rows], documents[columns])))
    edges = _edges(np.concatenate(scores), cosine=encoder.similarity.name == "cosine")
    quantiles = [
        tuple(np.quantile(each, QUANTILES).round(4).tolist() if len(each) else ())
        for each in scores
    ]
    counts = [tuple(np.histogram(each, edges)[0].tolist()) for each in scores]
    return SetCosines(
        task=given.name,
        digest=given.digest,
        queries=len(given.queries),
        relevant=quantiles[0],
        random=quantiles[1],
        edges=tuple(edges.round(4).tolist()),
        relevant_counts=counts[0],
        random_counts=counts[1],
    )


def _edges(scores: NDArray[np.float32], *, cosine: bool) -> NDArray[np.float64]:
    """Return the edges of the bins; those of cosines are the same for every set and version."""
    low, high = (float(scores.min()), float(scores.max())) if len(scores) else (0.0, 0.0)
    if not cosine:
        return np.linspace(low, high, _BINS // 2 + 1) if high > low else np.array([low, low + 1])
    step = 2.0 / _BINS
    # Rounding takes the cosine of two equal vectors a little above one.
    first, last = np.floor((low + 1e-6) / step), np.ceil((high - 1e-6) / step)
    edges = step * np.arange(min(first, last - 1), last + 1)
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return np.asarray(edges, dtype=np.float64)


def _measured(opened: OpenWorkspace, number: int) -> CosinesFound:
    made = opened.registry.version(number)
    versions = [made]
    parent = made.tags.get("anchorhold.parent", "none")
    with suppress(UnknownVersion):  # deleted since, or there is none
        versions = [opened.registry.version(parent), made] if parent != "none" else versions
    sets = opened.anchor_sets.of(opened.versions.folder(versions[0]))
    cosines = tuple(_of_version(opened, version, sets) for version in versions)
    asked = [each for each in sets if each.queries]
    if len(versions) < 2 or not asked:
        return CosinesFound(cosines=cosines)
    return CosinesFound(cosines=cosines, movement=movement_of(opened, versions[0], made, asked))


def movement_of(
    opened: OpenWorkspace, old: Version, new: Version, sets: Sequence[EvaluationSet]
) -> SpaceMovement:
    """Say how far a version moves the texts of evaluation sets that have queries."""
    encoders = [opened.encoders.load(opened.versions.folder(each).model) for each in (old, new)]
    return space_movement(old.number, new.number, Encoders(*encoders), sets)


def _of_version(
    opened: OpenWorkspace, version: Version, sets: Sequence[EvaluationSet]
) -> VersionCosines:
    encoder = opened.encoders.load(opened.versions.folder(version).model)
    found = tuple(set_cosines(encoder, each) for each in sets if each.queries)
    return VersionCosines(version=version.number, sets=found)
