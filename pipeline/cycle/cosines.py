"""The similarities of queries and documents on the anchor sets, for each version that is made."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from pipeline.cycle.journal import Journal
from pipeline.registry import UnknownVersion, Version
from pipeline.results import QUANTILES, CycleResult, Result, SetCosines, VersionCosines
from pipeline.search import alike
from pipeline.workspace import OpenWorkspace
from training.encoding import TextEncoder
from training.evaluation import EvaluationSet
from training.pairs import hash_share


class CosinesFound(Result):
    """The similarities of the version that a cycle made, and of the champion before."""

    cosines: tuple[VersionCosines, ...]


def with_cosines(opened: OpenWorkspace, journal: Journal, result: CycleResult) -> CycleResult:
    """Return the result of a cycle with the similarities of the version that it made."""
    made = result.made
    if made is None:
        return result

    def measured() -> CosinesFound:
        return CosinesFound(cosines=tuple(_measured(opened, made.version)))

    return result.changed(cosines=journal.once("cosines", measured, CosinesFound).cosines)


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
    quantiles = []
    for pairs in (relevant, drawn):
        rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
        scores = alike(encoder.similarity, queries[rows], documents[columns])
        quantiles.append(tuple(np.quantile(scores, QUANTILES).round(4).tolist()) if pairs else ())
    return SetCosines(
        task=given.name,
        digest=given.digest,
        queries=len(given.queries),
        relevant=quantiles[0],
        random=quantiles[1],
    )


def _measured(opened: OpenWorkspace, number: int) -> Iterator[VersionCosines]:
    made = opened.registry.version(number)
    versions = [made]
    parent = made.tags.get("anchorhold.parent", "none")
    with suppress(UnknownVersion):  # deleted since, or there is none
        versions = [opened.registry.version(parent), made] if parent != "none" else versions
    sets = opened.anchor_sets.of(opened.versions.folder(versions[0]))
    for version in versions:
        yield _of_version(opened, version, sets)


def _of_version(
    opened: OpenWorkspace, version: Version, sets: Sequence[EvaluationSet]
) -> VersionCosines:
    encoder = opened.encoders.load(opened.versions.folder(version).model)
    found = tuple(set_cosines(encoder, each) for each in sets if each.queries)
    return VersionCosines(version=version.number, sets=found)
