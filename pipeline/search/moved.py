"""How far a version moves the texts of an evaluation set: cosines, neighbours, pairs of texts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from pipeline.results import QUANTILES, SetMovement, SpaceMovement
from pipeline.search.bridge import Bridge
from pipeline.search.pair_quality import neighbours, overlap
from pipeline.search.spaces import Both, Collection, Spaces, Way, alike, split
from training.encoding import Kind, Similarity, TextEncoder
from training.evaluation import EvaluationSet

_TEXTS = 2000
"""Documents of a set that are compared: the share of kept neighbours is then known to 0.01."""
_PAIRS = 2000
"""Pairs of texts whose cosines are compared."""


@dataclass(frozen=True)
class Encoders:
    """The encoders of two versions."""

    old: TextEncoder
    new: TextEncoder

    def both(self, texts: Sequence[str], kind: Kind) -> Both:
        """Encode texts by both; a cache keeps what scoring has encoded already."""
        new, old = (each.encode(texts, kind=kind) for each in (self.new, self.old))
        return Both(new, old)


def space_movement(
    old: int, new: int, encoders: Encoders, sets: Sequence[EvaluationSet]
) -> SpaceMovement:
    """Compare two versions on the texts of evaluation sets; nothing is decided by it.

    Parameters
    ----------
    old, new
        Their numbers.
    encoders
        Their encoders.
    sets
        At least one set with queries.
    """
    spaces = Spaces.of(encoders.new, encoders.old)
    collections = [Collection.of_set(each, encoders.both) for each in sets]
    parts = split(collections, spaces)
    fitted = Both.joined([parts.asked, parts.searched])
    aligned, lengths = None, (fitted.new.shape[1], fitted.old.shape[1])
    # With fewer texts than dimensions, a rotation fits anything.
    if len(fitted) >= max(2, *lengths) and len(parts.held):
        rotation = Bridge.fit(
            "procrustes",
            fitted.new,
            fitted.old,
            new_space=spaces.new,
            old_space=spaces.old,
            unit=spaces.old_similarity.name == "cosine",
        )
        turned = Similarity("dot").directions(rotation.apply(parts.held.new))
        cosines = alike(Similarity(), turned, spaces.old_similarity.directions(parts.held.old))
        aligned = float(cosines.mean())
    return SpaceMovement(
        old=old,
        new=new,
        sets=tuple(_set(each, spaces) for each in collections),
        aligned_mean=aligned,
        fitted_on=len(fitted),
    )


def _set(found: Collection, spaces: Spaces) -> SetMovement:
    rows = np.unique(
        np.linspace(0, len(found.documents) - 1, min(_TEXTS, len(found.documents))).astype(int)
    )
    documents = found.documents.at(rows)
    texts = Both.joined([documents, found.queries])
    old, new = (
        similarity.directions(vectors)
        for similarity, vectors in (
            (spaces.old_similarity, texts.old),
            (spaces.new_similarity, texts.new),
        )
    )
    cosines: NDArray[np.float32] | None = None
    if old.shape[1] == new.shape[1]:
        cosines = alike(Similarity(), new, old)
    before, now = _pair_cosines(old), _pair_cosines(new)
    kept = neighbours(documents, spaces, range(len(rows))) if len(rows) > 1 else np.ones(0)
    searched = [
        way.search(found.queries, found.documents)[0]
        for way in (Way(spaces, old_queries=True), Way(spaces))
    ]
    return SetMovement(
        task=found.name,
        digest=found.labelled.digest if found.labelled else "",
        texts=len(texts),
        cosine=None if cosines is None else float(cosines.mean()),
        quantiles=() if cosines is None else tuple(np.quantile(cosines, QUANTILES).tolist()),
        neighbours=float(kept.mean()) if len(kept) else None,
        results=float(overlap(searched[1], searched[0]).mean()) if len(found.queries) else None,
        pair_correlation=_correlation(before, now),
        pair_change=float(np.abs(now - before).mean()) if len(before) else None,
    )


def _pair_cosines(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosines of pairs of texts; the same pairs for every version."""
    if len(vectors) < 2:
        return np.empty(0)
    generator = np.random.default_rng([len(vectors), 23])
    first = generator.integers(len(vectors), size=_PAIRS)
    second = (first + generator.integers(1, len(vectors), size=_PAIRS)) % len(vectors)
    cosines = np.einsum("rd,rd->r", vectors[first], vectors[second], dtype=np.float64)
    return np.asarray(cosines, dtype=np.float64)


def _correlation(before: NDArray[np.float64], now: NDArray[np.float64]) -> float | None:
    """Return the rank correlation; None where all pairs are alike."""
    if not len(before) or min(np.ptp(before), np.ptp(now)) < 1e-9:
        return None
    return float(scipy.stats.spearmanr(before, now).statistic)
