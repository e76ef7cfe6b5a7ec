"""Whether the verdict of a plan for the index is right, checked against full re-embedding.

    python benchmarks/bridge.py OLD NEW SET [SET ...] [--max-drop 0.02] [--cache DIR]

OLD and NEW are folders of sentence-transformers models: the champion before a promotion and after
it, as `anchorhold export` writes them. Each SET is an evaluation set (corpus.jsonl, queries.jsonl,
qrels.tsv); the corpora of all of them together are the documents. Half of the queries of each set
are given to the plan, as a workspace would know them; the other half are hidden from it. Then all
documents are embedded with both models, and the hidden queries say what each way to serve truly
keeps: recall of the first ten among all documents, and nDCG@10 on their own set.

A verdict is right if the hidden queries agree by their means: "bridge" where the chosen bridge
loses at most `--max-drop` (without labels: keeps 95 %), "not worth it" where naive reuse does both,
and "re-embed" where no bridge loses so little.

It prints one table per call, in Markdown. `docs/measurements/bridges.md` has those of three real
promotions.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.gate import Gate
from pipeline.results import IndexPlan, PairQuality, ReEmbeddingCost
from pipeline.search.bridge import Bridge
from pipeline.search.pair_quality import Answers
from pipeline.search.plan import Bridging, Occasion
from pipeline.search.spaces import DOCUMENTS, Both, Collection, Spaces, Way, split
from training.encoding import Encoder, Kind
from training.evaluation import EvaluationSet
from training.pairs import hash_share, normalised

MINIMUM_RECALL = 0.95


class Models:
    """The old and the new model, and what both make of texts."""

    def __init__(self, old: Path, new: Path, cache: Path, max_length: int) -> None:
        self.old, self.new = (
            Encoder.load(each, max_length=max_length, cache=cache) for each in (old, new)
        )
        self.spaces = Spaces.of(self.new, self.old)

    def both(self, texts: Sequence[str], kind: Kind) -> Both:
        """Encode texts by both."""
        return Both(self.new.encode(texts, kind=kind), self.old.encode(texts, kind=kind))

    def collection(self, name: str, given: EvaluationSet, *, labelled: bool) -> Collection:
        """Return a set as what is searched and asked."""
        made = replace(Collection.of_set(given, self.both), name=name)
        return made if labelled else replace(made, labelled=None)


def is_hidden(query: str) -> bool:
    """Say whether a query is hidden from the plan; its text alone decides."""
    return hash_share(0, "hidden", normalised(query)) < 0.5


def halves(given: EvaluationSet) -> tuple[EvaluationSet, EvaluationSet]:
    """Return the set with the queries that are given to the plan, and with the hidden ones."""
    hidden = [key for key, text in given.queries.items() if is_hidden(text)]
    return given.of_queries(set(given.queries) - set(hidden)), given.of_queries(hidden)


def joined(sets: Sequence[EvaluationSet]) -> EvaluationSet:
    """Return all documents, each text once, and all queries."""
    texts = dict.fromkeys(text for each in sets for text in each.corpus.values())
    queries = dict.fromkeys(text for each in sets for text in each.queries.values())
    return EvaluationSet(
        DOCUMENTS,
        {f"q{row:06}": text for row, text in enumerate(queries)},
        {f"d{row:06}": text for row, text in enumerate(texts)},
        {},
    )


class Whole(Collection):
    """A collection of which every query is measured."""

    @property
    def measured(self) -> list[int]:
        """All of them."""
        return list(range(len(self.query_texts)))


def whole(given: Collection) -> Collection:
    """Return a collection of which every query is measured."""
    return Whole(**{name: getattr(given, name) for name in given.__dataclass_fields__})


class Truth:
    """What the hidden queries say about a way to serve."""

    def __init__(self, models: Models, sets: Sequence[EvaluationSet]) -> None:
        self.spaces = models.spaces
        self.documents = whole(models.collection(DOCUMENTS, joined(sets), labelled=False))
        # `of_queries` keeps the documents, so that each set is searched as a whole.
        self.sets = [whole(models.collection(each.name, each, labelled=True)) for each in sets]
        self.ideal = Way(models.spaces)

    def recall(self, way: Way) -> float:
        """Return the share of the ideal first ten that is found among all documents."""
        found, ideal = (Answers.of(self.documents, each) for each in (way, self.ideal))
        return float(found.kept(ideal).mean())

    def ndcg(self, way: Way) -> float:
        """Return the mean nDCG@10 of all hidden queries, each on its own set."""
        scores = [Answers.of(each, way).task_scores for each in self.sets]
        return float(np.concatenate([each.metrics["ndcg_at_10"] for each in scores if each]).mean())


def main() -> None:
    """Measure one promotion."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--max-drop", type=float, default=Gate().max_drop)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = options.cache or Path(folder)
        models = Models(options.old, options.new, cache, options.max_length)
        sets = [EvaluationSet.from_folder(each.name, each) for each in options.sets]
        report(models, sets, Gate(max_drop=options.max_drop))


def report(models: Models, sets: Sequence[EvaluationSet], gate: Gate) -> None:
    """Print the plan beside what the hidden queries say."""
    given, hidden = zip(*map(halves, sets), strict=True)
    collections = [
        models.collection(DOCUMENTS, joined(given), labelled=False),
        *(models.collection(each.name, each, labelled=True) for each in given),
    ]
    documents = len(collections[0].documents)
    began = time.perf_counter()
    cost = ReEmbeddingCost(
        documents=documents, bytes=0, index_bytes=None, minutes=0.0, timed=0, cached=0
    )
    bridging = Bridging(documents=max(100, documents))
    planned = bridging.plan(Occasion(1, 2, gate, cost), models.spaces, collections)
    seconds = time.perf_counter() - began
    plan, truth = planned.plan, Truth(models, hidden)
    ways = {each.kind: way_of(each.kind, collections, models, bridging) for each in plan.bridges}
    found = {
        "v1 → v1": (plan.before, Way(models.spaces, old_queries=True)),
        **{f"v2 → v1, {each.kind}": (each, ways[each.kind]) for each in plan.bridges},
        "v2 → v2": (plan.re_embedded, Way(models.spaces)),
    }
    best = truth.ndcg(truth.ideal)
    print(
        f"{documents} documents; plan on {plan.queries} queries, fitted on {plan.fitted_on} texts"
    )
    print(f"in {seconds:.1f} s; hidden queries: {sum(len(each.queries) for each in hidden)}\n")
    print("| way | recall kept: plan | hidden | labelled loss: plan | hidden | dark |")
    print("|---|---|---|---|---|---|")
    true = {}
    for name, (quality, way) in found.items():
        true[name] = truth.recall(way), truth.ndcg(way) - best
        print(row(name, quality, *true[name]))
    print(f"\nverdict: {plan.reason}\n\nchosen: {plan.chosen}; {plan.chosen_why}\n")
    print(f"hidden queries: the verdict is {'right' if right(plan, true, gate) else 'WRONG'}")


def way_of(kind: str, collections: Sequence[Collection], models: Models, bridging: Bridging) -> Way:
    """Fit a bridge as the plan did: it returns the chosen one only."""
    texts = bridging._limited(split(collections, models.spaces))
    bridge = Bridge.fit(
        kind,  # type: ignore[arg-type]
        texts.new,
        texts.old,
        new_space=models.spaces.new,
        old_space=models.spaces.old,
        unit=models.spaces.old_similarity.name == "cosine",
    )
    return Way(models.spaces, bridge)


def row(name: str, quality: PairQuality, recall: float, loss: float) -> str:
    """Return a row of the table."""
    kept, lost = quality.recall_kept, quality.loss
    kept_shown = f"{kept.mean:.3f} ({kept.low:.3f} … {kept.high:.3f})" if kept else "–"
    lost_shown = f"{lost.mean:+.4f} ({lost.low:+.4f} … {lost.high:+.4f})" if lost else "–"
    return f"| {name} | {kept_shown} | {recall:.3f} | {lost_shown} | {loss:+.4f} | {quality.dark} |"


def right(plan: IndexPlan, true: dict[str, tuple[float, float]], gate: Gate) -> bool:
    """Say whether the hidden queries agree with the verdict."""
    bridges = {each.kind: true[f"v2 → v1, {each.kind}"] for each in plan.bridges}
    if plan.verdict == "not worth it":
        recall, loss = bridges["none"]
        return recall >= MINIMUM_RECALL and loss >= -gate.max_drop
    enough = {kind: loss >= -gate.max_drop for kind, (_, loss) in bridges.items()}
    if plan.verdict == "bridge":
        return plan.chosen is not None and enough[plan.chosen]
    return not any(enough.values())


if __name__ == "__main__":
    main()
