"""The plan: bridges measured beside full re-embedding, and what to do about the index."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.gate import Gate
from pipeline.results import (
    QUANTILES,
    BridgeKind,
    BridgePlan,
    IndexPlan,
    Movement,
    PairQuality,
    PlanVerdict,
    ReEmbeddingCost,
)
from pipeline.search.bridge import KINDS, Bridge
from pipeline.search.estimates import share
from pipeline.search.pair_quality import PASS_RATES, Comparison, neighbours, overlap
from pipeline.search.spaces import Both, Collection, Spaces, Split, Way, alike, split
from training.encoding import Similarity
from training.settings import SETTINGS

_FOLDS = 3
_POOL = 100  # documents left to fit on from which the choice of a kind searches those alone
_FEWEST = 30  # queries from which a kind is chosen by them, and not by documents too
_NEIGHBOURED = 300  # documents whose neighbours are compared
_NAMES = {
    "none": "naive reuse",
    "mean_shift": "a mean shift",
    "procrustes": "a rotation (orthogonal Procrustes)",
    "affine": "an affine map",
}


@plain_dataclass(frozen=True)
class Planned:
    """A plan, and the bridge that it chose; None where no bridge is possible."""

    plan: IndexPlan
    bridge: Bridge | None


@plain_dataclass(frozen=True)
class Occasion:
    """What a plan is made for.

    Attributes
    ----------
    old, new
        Numbers of the versions.
    gate
        Metric, confidence and largest loss.
    cost
        What re-embedding costs.
    margins
        Largest losses of single evaluation sets that differ from the gate's.
    """

    old: int
    new: int
    gate: Gate
    cost: ReEmbeddingCost
    margins: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, config=SETTINGS)
class Bridging:
    """Plan what a promotion does with the index, and fit the bridge to the old one.

    Bridges are fitted on texts that both models encoded, and measured on other ones. Which kind is
    used is chosen by cross-validation on the first, so that what is measured of it is not too good
    because it was chosen. ``docs/decisions/0028-when-a-bridge-is-enough.md`` derives the verdict.
    """

    minimum_recall: float = Field(default=0.95, gt=0.0, le=1.0)
    """Recall kept, by its lower bound, that lets a bridge serve where no labels measure the loss.

    Whether the old index may stay for good is always decided by it, too.
    """
    documents: int = Field(default=2_000, ge=100)
    """Documents that the plan encodes and searches; of a larger corpus a sample."""
    queries: int = Field(default=600, ge=50)
    """Texts of the traffic that ask for them."""
    texts_per_dimension: float = Field(default=2.0, ge=1.0)
    """Texts for each dimension from which an affine map is fitted."""
    fitted_on: int = Field(default=6_000, ge=100)
    """Largest number of texts that bridges are fitted on."""

    def plan(
        self, occasion: Occasion, spaces: Spaces, collections: Sequence[Collection]
    ) -> Planned:
        """Fit, measure and decide.

        Parameters
        ----------
        occasion
            Versions, gate and cost.
        spaces
            The old space and the new one.
        collections
            What is searched, "documents" first; evaluation sets follow.
        """
        comparison = Comparison(collections, spaces, occasion.gate)
        parts = split(collections, spaces)
        texts = self._limited(parts)
        kinds = self._possible(texts)
        bridges = {kind: _fitted(kind, texts, spaces) for kind in kinds}
        answers = {kind: comparison.answers(Way(spaces, each)) for kind, each in bridges.items()}
        measured = [
            BridgePlan(kind=kind, **dict(comparison.quality(found)))
            for kind, found in answers.items()
        ]
        chosen, why = self._choose(kinds, parts, collections[0].documents, spaces)
        re_embedded = comparison.quality(comparison.ideal)
        verdict, reason = self._decide(occasion, measured, chosen)
        documents = collections[0].documents
        rows = range(0, len(documents), max(1, len(documents) // _NEIGHBOURED))
        plan = IndexPlan(
            old=occasion.old,
            new=occasion.new,
            verdict=verdict,
            reason=reason,
            chosen="none" if verdict == "not worth it" else chosen,
            chosen_why="" if verdict == "not worth it" else why,
            cost=occasion.cost,
            documents_digest=_digest(collections[0]),
            sampled=len(documents),
            queries=sum(len(each.measured) for each in collections),
            fitted_on=len(texts),
            confidence=occasion.gate.confidence,
            pass_rates=PASS_RATES,
            before=comparison.quality(comparison.before),
            re_embedded=re_embedded,
            bridges=tuple(measured),
            neighbours=share(neighbours(documents, spaces, list(rows)), occasion.gate),
            movement=_movement(parts.held, spaces, bridges.get("procrustes")),
            notes=tuple(self._notes(occasion, texts, len(documents), collections)),
        )
        return Planned(plan, bridges.get(plan.chosen) if plan.chosen else None)

    def _limited(self, parts: Split) -> Both:
        """Return the queries and as many of the documents as may be fitted on."""
        asked, searched = parts.asked.at(range(len(parts.asked))[: self.fitted_on]), parts.searched
        most = min(self.fitted_on - len(asked), len(searched))
        rows = np.linspace(0, len(searched) - 1, most).astype(int)
        return Both.joined([asked, searched.at(rows)])

    def _possible(self, texts: Both) -> list[BridgeKind]:
        """Return the kinds that the lengths of the vectors and the number of texts allow."""
        new, old = texts.new.shape[1], texts.old.shape[1]
        alike = new == old
        allowed = {
            "none": alike,
            "mean_shift": alike and len(texts) > 1,
            "procrustes": len(texts) >= max(2, min(new, old)),
            "affine": len(texts) >= self.texts_per_dimension * new,
        }
        return [kind for kind in KINDS if allowed[kind]]

    def _choose(
        self, kinds: Sequence[BridgeKind], parts: Split, documents: Both, spaces: Spaces
    ) -> tuple[BridgeKind | None, str]:
        """Choose a kind by cross-validation: the simplest that is as good as the best."""
        if not kinds:
            return None, ""
        queries = parts.asked
        if len(queries) < _FEWEST:
            queries = Both.joined([queries, parts.searched])
        if not len(queries):
            return kinds[0], ""
        kept = _cross_validated(kinds, queries, parts, documents, spaces)
        best = max(kinds, key=lambda kind: kept[kind].mean())
        for kind in kinds:
            behind = kept[best] - kept[kind]
            if behind.mean() <= behind.std() / np.sqrt(len(behind)):
                break
        others = ", ".join(f"{_NAMES[each]} {kept[each].mean():.1%}" for each in kinds)
        as_best = "the most" if kind == best else "as much as the best kind, as far as can be told"
        return kind, (
            f"{_NAMES[kind]} keeps {as_best} on {len(queries)} texts that were set aside in turn "
            f"({others})"
        )

    def _decide(
        self, occasion: Occasion, measured: Sequence[BridgePlan], chosen: BridgeKind | None
    ) -> tuple[PlanVerdict, str]:
        """Return the verdict and the sentence that says why."""
        by_kind = {each.kind: each for each in measured}
        naive = by_kind.get("none")
        if naive and self._keeps(naive) and _labels(naive, occasion) != "worse":
            return "not worth it", (
                f"not worth it: version {occasion.new} searches the index of version "
                f"{occasion.old} as it is and {_kept(naive)}{_lost(naive)}"
            )
        bridge = by_kind.get(chosen) if chosen else None
        if bridge is None:
            return "re-embed", "re-embed: too few texts are encoded by both models for a bridge"
        name, told = _NAMES[bridge.kind], f"{_kept(bridge)}{_lost(bridge)}"
        labels = _labels(bridge, occasion)
        margin = occasion.gate.max_drop
        if labels == "as good":
            return "bridge", f"bridge: {name} {told}, within gate.max_drop ({margin:g})"
        if labels == "open" and self._keeps(bridge):
            return "bridge", (
                f"bridge: {name} {told}; its lower bound reaches bridge.minimum_recall "
                f"({self.minimum_recall:.0%})"
            )
        if labels == "worse":
            why = f"the labelled loss is above gate.max_drop ({margin:g})"
        else:
            why = (
                f"{'labels cannot tell' if bridge.loss else 'there are no labels'} and its lower "
                f"bound is below bridge.minimum_recall ({self.minimum_recall:.0%})"
            )
        return "re-embed", f"re-embed: the best bridge, {name}, {told}; {why}"

    def _keeps(self, quality: PairQuality) -> bool:
        return quality.recall_kept is not None and quality.recall_kept.low >= self.minimum_recall

    def _notes(
        self, occasion: Occasion, texts: Both, sampled: int, collections: Sequence[Collection]
    ) -> Iterator[str]:
        """Yield what limits what was measured."""
        new, old, needed = texts.new.shape[1], texts.old.shape[1], self.texts_per_dimension
        if new != old:
            yield (
                f"the vectors have {new} dimensions instead of {old}: naive reuse and a mean shift "
                "are impossible"
            )
        if len(texts) < needed * new:
            yield (
                f"no affine map: it takes {needed * new:.0f} texts ({needed:g} per dimension), and "
                f"{len(texts)} were left to fit on"
            )
        if sampled < occasion.cost.documents:
            yield (
                f"measured among {sampled} of {occasion.cost.documents} documents: among all of "
                "them, neighbours are closer and a bridge keeps less"
            )
        if all(each.labelled is None for each in collections):
            yield "no evaluation set has labels, so only recall was measured"


def _fitted(kind: BridgeKind, texts: Both, spaces: Spaces) -> Bridge:
    return Bridge.fit(
        kind,
        texts.new,
        texts.old,
        new_space=spaces.new,
        old_space=spaces.old,
        unit=spaces.old_similarity.name == "cosine",
    )


def _cross_validated(
    kinds: Sequence[BridgeKind], queries: Both, parts: Split, documents: Both, spaces: Spaces
) -> dict[BridgeKind, NDArray[np.float64]]:
    """Return for each kind which share of the ideal documents each query finds out of its fold.

    What both models find first for the queries of a fold is not fitted on either. Where few
    documents are left to fit on, the queries search all of them.
    """
    fitted_on = parts.searched
    searched = fitted_on if len(fitted_on) >= _POOL else documents
    ideal, _ = Way(spaces).search(queries, searched)
    before, _ = Way(spaces, old_queries=True).search(queries, searched)
    kept = {kind: np.zeros(len(queries)) for kind in kinds}
    folds = np.arange(len(queries)) % _FOLDS
    for fold in range(_FOLDS):
        held = np.flatnonzero(folds == fold)
        others = np.arange(len(fitted_on))
        if searched is fitted_on:
            others = np.setdiff1d(others, [ideal[held, 0], before[held, 0]])
        texts = Both.joined([queries.at(np.flatnonzero(folds != fold)), fitted_on.at(others)])
        for kind in kinds:
            way = Way(spaces, _fitted(kind, texts, spaces))
            found, _ = way.search(queries.at(held), searched)
            kept[kind][held] = overlap(found, ideal[held])
    return kept


def _labels(quality: PairQuality, occasion: Occasion) -> Literal["as good", "worse", "open"]:
    """Say what the labels show about the loss against re-embedding."""
    margin = occasion.gate.max_drop
    for each in quality.tasks:
        if each.difference.high < -occasion.margins.get(each.task, margin):
            return "worse"
    if quality.loss is None:
        return "open"
    if quality.loss.high < -margin:
        return "worse"
    return "as good" if quality.loss.low > -margin else "open"


def _digest(collection: Collection) -> str:
    rows = zip(collection.document_ids, collection.document_texts, strict=True)
    return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()


def _kept(quality: PairQuality) -> str:
    found = quality.recall_kept
    if found is None:
        return "was measured on no query"
    return f"keeps {found.mean:.1%} of the top ten (at least {found.low:.1%})"


def _lost(quality: PairQuality) -> str:
    found = quality.loss
    if found is None:
        return ""
    return f", and its labelled quality differs by {found.mean:+.3f} ({found.low:+.3f} or better)"


def _movement(held: Both, spaces: Spaces, rotation: Bridge | None) -> Movement | None:
    """Return how far the texts moved that no bridge was fitted on."""
    if rotation is None or not len(held):
        return None
    old = spaces.old_similarity.directions(held.old)
    before: NDArray[np.float32] | None = None
    if held.new.shape[1] == held.old.shape[1]:
        before = alike(Similarity(), spaces.new_similarity.directions(held.new), old)
    after = alike(Similarity(), Similarity("dot").directions(rotation.apply(held.new)), old)
    return Movement(
        texts=len(held),
        mean=None if before is None else float(before.mean()),
        quantiles=() if before is None else tuple(np.quantile(before, QUANTILES).tolist()),
        aligned_mean=float(after.mean()),
        aligned_quantiles=tuple(np.quantile(after, QUANTILES).tolist()),
    )
