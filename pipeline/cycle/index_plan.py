"""The plan for the index at a promotion: what is encoded by both models, measured and kept."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from pipeline.cycle.indexing import Indexing
from pipeline.observation import changed_copies
from pipeline.registry import UnknownVersion, Version
from pipeline.results import IndexPlan, ReEmbeddingCost
from pipeline.search import StoredDocuments, index_bytes
from pipeline.search.bridge import bridge_file
from pipeline.search.plan import Occasion, Planned
from pipeline.search.serving_pair import bridges_folder
from pipeline.search.spaces import DOCUMENTS, Both, Collection, Spaces, is_measured
from pipeline.workspace import OpenWorkspace
from training.encoding import Encoder, Kind, seconds_per_text
from training.evaluation import EvaluationSet
from training.pairs import hash_share, normalised
from training.unlabelled import Document, distinct_queries

_TIMED = 64  # documents that are encoded once more to measure the time
_REWORDED = 100  # measured queries that are asked again in other words


@dataclass(frozen=True)
class _Models:
    """Both versions with their encoders.

    Attributes
    ----------
    old, new
        The version whose index there is, and the one that encodes queries from now on.
    old_encoder, new_encoder
        Their encoders.
    """

    opened: OpenWorkspace
    old: Version
    new: Version
    old_encoder: Encoder
    new_encoder: Encoder

    @classmethod
    def of(cls, opened: OpenWorkspace, old: Version, new: Version) -> "_Models":
        models = [opened.versions.folder(each).model for each in (old, new)]
        return cls(opened, old, new, *(opened.encoders.load(each) for each in models))

    @property
    def spaces(self) -> Spaces:
        """Their embedding spaces."""
        return Spaces.of(self.new_encoder, self.old_encoder)

    def both(self, texts: Sequence[str], kind: Kind) -> Both:
        """Encode texts by both models, each text at most once ever: the cache keeps the vectors."""
        new, old = (
            encoder.encode(texts, kind=kind, progress=self.opened.progress)
            for encoder in (self.new_encoder, self.old_encoder)
        )
        return Both(new, old)

    def searched(self, documents: Sequence[Document], asked: Sequence[str]) -> Collection:
        """Return documents of the workspace, and texts that ask for them."""
        texts = [each.whole for each in documents]
        reworded = [row for row, text in enumerate(asked) if is_measured(text)][:_REWORDED]
        copies = [copy for row in reworded for copy in changed_copies(asked[row])]
        return Collection(
            DOCUMENTS,
            tuple(each.id for each in documents),
            texts,
            self.both(texts, "document"),
            tuple(asked),
            asked,
            self.both(asked, "query"),
            reworded=self.both(copies, "query"),
            reworded_of=tuple(np.repeat(reworded, len(copies) // max(1, len(reworded))).tolist()),
        )


def old_of(opened: OpenWorkspace, champion: Version) -> Version:
    """Return the version whose index the champion searches: its own or, bridged, an older one."""
    if opened.settings.tables.index.mode == "off":
        return champion
    serving = Indexing(opened).serving(champion)
    with suppress(UnknownVersion):  # deleted since
        return opened.registry.version(serving.table_version) if serving else champion
    return champion


def plan_index(
    opened: OpenWorkspace, old: Version, new: Version, sets: Sequence[EvaluationSet]
) -> Planned:
    """Plan what a new version means for the index of an old one; there must be documents.

    Parameters
    ----------
    opened
        The open workspace.
    old, new
        The version that made the index, and the one that encodes queries from now on.
    sets
        Labelled sets that both are measured on.
    """
    bridging, documents = opened.settings.tables.bridge, StoredDocuments.now(opened.store)
    sample = documents.sample(bridging.documents)
    models = _Models.of(opened, old, new)
    known = sum(models.new_encoder.known([each.whole for each in sample], kind="document"))
    collections = [
        models.searched(sample, _asked(opened, new, bridging.queries)),
        *(Collection.of_set(each, models.both) for each in sets if each.queries),
    ]
    approximate = opened.indexes.is_large(len(documents), opened.indexes.space(models.new_encoder))
    cost = _cost(models, sample, len(documents), known, approximate=approximate)
    occasion = Occasion(
        old.number,
        new.number,
        opened.settings.tables.gate,
        cost,
        opened.anchor_sets.margins,
    )
    return bridging.plan(occasion, models.spaces, collections)


def plan_promotion(
    opened: OpenWorkspace, champion: Version, candidate: Version, sets: Sequence[EvaluationSet]
) -> IndexPlan:
    """Plan a promotion, and keep the bridge that it needs, so that the candidate serves at once.

    The bridge is kept before anybody is sent to the new version; without a promotion, nothing uses
    it.
    """
    planned = plan_index(opened, old_of(opened, champion), candidate, sets)
    plan, bridge = planned.plan, planned.bridge
    if bridge is not None and plan.verdict != "re-embed":
        bridge.save(bridge_file(bridges_folder(opened.indexes), plan.new, plan.old))
    return plan.changed(notes=(*plan.notes, *_told(Indexing(opened), candidate)))


def _told(indexing: Indexing, candidate: Version) -> Iterator[str]:
    """Yield what a promotion does under `index.mode = "bridge"`."""
    if indexing.settings.mode != "bridge":
        return
    serving, number = indexing.serving(candidate), candidate.number
    if serving and serving.bridge:
        yield (
            f"version {number} searches the index of version {serving.table_version} through the "
            "bridge until its own is whole"
        )
    elif indexing.builds_first(candidate):
        yield f"no bridge to an older index serves version {number}: its own is built first"


def _asked(opened: OpenWorkspace, new: Version, most: int) -> list[str]:
    """Return texts that people asked: of the served log and of the version's reference."""
    served = distinct_queries(opened.store.served(latest=4 * most))
    texts = [*served, *(each.text for each in opened.versions.folder(new).reference())]
    distinct = {normalised(text): text for text in reversed(texts) if text.strip()}
    chosen = heapq.nsmallest(most, distinct, key=lambda key: hash_share(0, "asked", key))
    return [distinct[key] for key in sorted(chosen)]


def _cost(
    models: _Models, sample: Sequence[Document], documents: int, cached: int, *, approximate: bool
) -> ReEmbeddingCost:
    """Measure what embedding costs, on some of the documents and without the cache."""
    encoder = models.new_encoder.without_cache()
    texts = [each.whole for each in sample]
    timed = [texts[row] for row in np.linspace(0, len(texts) - 1, _TIMED).astype(int)]
    seconds, count = seconds_per_text(encoder, list(dict.fromkeys(timed)), kind="document")
    return ReEmbeddingCost(
        documents=documents,
        bytes=documents * 4 * encoder.dimensions,
        index_bytes=index_bytes(documents, encoder.dimensions, sample, approximate=approximate),
        minutes=documents * seconds / 60,
        timed=count,
        cached=cached,
    )
