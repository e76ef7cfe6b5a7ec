"""The plan for the index: what a promotion means for it in quality, bytes and minutes."""

from typing import Literal, Self

from pydantic import computed_field

from pipeline.results.result import Result
from training.evaluation import DarkDocument

BridgeKind = Literal["none", "mean_shift", "procrustes", "affine"]
"""Maps of new query vectors into the old space, the simplest first."""
PlanVerdict = Literal["not worth it", "bridge", "re-embed"]
"""Keep the old index as it is; search it through a bridge; embed all documents again."""


class Estimate(Result):
    """A mean over queries with its bounds.

    Attributes
    ----------
    mean
        Mean over the queries.
    low, high
        One-sided bounds, each at the gate's confidence.
    queries
        Number of queries.
    """

    mean: float
    low: float
    high: float
    queries: int


class TaskLoss(Result):
    """How the labelled metric of one task differs from re-embedding."""

    task: str
    difference: Estimate


class PairQuality(Result):
    """What one pair of query model and index finds.

    Attributes
    ----------
    recall_kept
        Share of the ten nearest documents of the new model, over its own vectors, that the pair
        finds among its first ten; None where no query was measured.
    metric
        Mean of the labelled metric; None without labels.
    loss
        Its difference from re-embedding, paired by query; None without labels.
    tasks
        The same by task.
    dark, dark_documents
        Relevant documents that the old model found and the pair does not: all counted, some named.
    paraphrase_recall
        Share of the ten nearest documents of a query that its rewordings find too.
    below_threshold
        Share of relevant documents whose score is below a threshold that 90 % of them reach with
        the old pair, if the threshold stays as it is.
    thresholds
        Score that keeps each of the plan's pass rates, in their order.
    scores, old_scores
        Points of the isotonic map from the pair's scores to those of the old pair, both ascending.
    """

    recall_kept: Estimate | None
    metric: float | None = None
    loss: Estimate | None = None
    tasks: tuple[TaskLoss, ...] = ()
    dark: int = 0
    dark_documents: tuple[DarkDocument, ...] = ()
    paraphrase_recall: Estimate | None = None
    below_threshold: float | None = None
    thresholds: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    old_scores: tuple[float, ...] = ()


class BridgePlan(PairQuality):
    """The new model over the old index through one kind of bridge.

    Attributes
    ----------
    kind
        Which map.
    """

    kind: BridgeKind


class Movement(Result):
    """How far vectors of the same texts moved, as cosines between old and new.

    Attributes
    ----------
    texts
        Number of texts.
    mean, quantiles
        Mean, and the 5 %, 25 %, 50 %, 75 % and 95 % quantiles; None where the lengths differ.
    aligned_mean, aligned_quantiles
        The same after the rotation that fits best on other texts (orthogonal Procrustes).
    """

    texts: int
    mean: float | None
    quantiles: tuple[float, ...]
    aligned_mean: float
    aligned_quantiles: tuple[float, ...]


class ReEmbeddingCost(Result):
    """What embedding all documents with the new model costs.

    Attributes
    ----------
    documents
        Number of documents.
    bytes
        Size of their vectors as float32.
    index_bytes
        Estimate of the size of an index of them on disk; None where there is none.
    minutes
        Time on this machine.
    timed
        Documents that the time was measured on.
    cached
        Documents of the sample whose vectors are known already.
    """

    documents: int
    bytes: int
    index_bytes: int | None
    minutes: float
    timed: int
    cached: int


class IndexPlan(Result):
    """What a new version means for an index that an older one made, and what to do about it.

    Attributes
    ----------
    old, new
        The version that made the index, and the one that encodes queries from now on.
    verdict, reason
        What to do, and why in one sentence.
    chosen
        The bridge that is used where one is; None where none is possible.
    chosen_why
        Why this kind.
    cost
        What re-embedding costs.
    documents_digest
        sha256 of the ids and texts of the documents that were searched.
    sampled, queries
        Documents that were searched, and queries that were measured; of a large corpus a sample.
    fitted_on
        Texts that the bridges were fitted on; none of them is measured on or answers what is.
    confidence
        Of each one-sided bound.
    pass_rates
        Shares of results for which `thresholds` are given.
    before, re_embedded, bridges
        The old pair, full re-embedding, and each possible bridge.
    neighbours
        Share of the nine documents nearest to a document that are the same in both spaces.
    movement
        How far the measured texts moved: queries, and documents that answer them.
    notes
        What else to know, a sentence each.
    """

    old: int
    new: int
    verdict: PlanVerdict
    reason: str
    chosen: BridgeKind | None
    chosen_why: str = ""
    cost: ReEmbeddingCost
    documents_digest: str
    sampled: int
    queries: int
    fitted_on: int
    confidence: float
    pass_rates: tuple[float, ...] = ()
    before: PairQuality
    re_embedded: PairQuality
    bridges: tuple[BridgePlan, ...]
    neighbours: Estimate | None
    movement: Movement | None = None
    notes: tuple[str, ...] = ()

    def without_texts(self) -> Self:
        """Return the plan without the texts of documents and queries."""
        bare = {"dark_documents": ()}
        return self.changed(
            before=self.before.changed(**bare),
            re_embedded=self.re_embedded.changed(**bare),
            bridges=tuple(each.changed(**bare) for each in self.bridges),
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def recall_kept(self) -> float | None:
        """Recall kept by the chosen bridge; None where no bridge is possible."""
        kept = self.quality.recall_kept if self.quality else None
        return kept.mean if kept else None

    @property
    def quality(self) -> BridgePlan | None:
        """The chosen bridge."""
        return next((each for each in self.bridges if each.kind == self.chosen), None)
