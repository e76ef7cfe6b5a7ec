"""Labels from clicks against a known truth: how often they are right, and what they teach.

    python benchmarks/feedback.py labels   # precision and coverage of pairs, about a minute
    python benchmarks/feedback.py learn    # what a model learns from them, about three minutes

Made queries, documents and clicks; docs/measurements/feedback.md shows the figures. In each log a
model ranks ten documents, people look at rank k with a known probability, click answers and other
texts at known rates, and neighbours swap places now and then.

`learn` trains a linear map of query embeddings with the contrastive loss over the batch on: raw
clicks; the pairs of `Feedback`; the same pairs, each weighted by 1 / the probability that its
clicks reveal it (clipped at 10), and by its probability; all clicked results, weighted by their
probability; and the true answers of the same queries. Scores are nDCG@10 on other queries.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.pairs import HoldOut
from training.unlabelled import Document, Feedback, ServedQuery, Shown
from training.unlabelled.relevance import detection

EVERYTHING = HoldOut(share=0.0)
SHOWN = 10
BEND, BLUR = 1.5, 2.0
CURVES: dict[str, Callable[[int], float]] = {
    "1/rank": lambda rank: 1 / rank,
    "1/sqrt(rank)": lambda rank: rank**-0.5,
    "1/rank squared": lambda rank: rank**-2.0,
}


@dataclass(frozen=True)
class World:
    """Documents, queries, the answer of each query, and the model that served."""

    documents: NDArray[np.float32]
    queries: NDArray[np.float32]
    answers: NDArray[np.int64]

    @property
    def rankings(self) -> NDArray[np.int64]:
        """The ten best documents of each query for the model that served."""
        return np.argsort(-(self.queries @ self.documents.T), axis=1)[:, :SHOWN]


def made_world(queries: int, documents: int, seed: int, dimensions: int = 64) -> World:
    """Make a world whose serving model confuses documents in the same way for all queries."""
    draw = np.random.default_rng(seed)
    texts = draw.standard_normal((documents, dimensions))
    answers = draw.integers(documents, size=queries)
    bent = np.eye(dimensions) + BEND * draw.standard_normal((dimensions, dimensions)) / 8
    asked = texts[answers] @ bent + BLUR * draw.standard_normal((queries, dimensions))
    return World(_unit(texts), _unit(asked), answers)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def made_log(
    world: World,
    *,
    visits: int,
    looked_at: Callable[[int], float],
    rates: tuple[float, float],
    swapped: float,
    seed: int,
) -> list[ServedQuery]:
    """Let people click what the model ranks for each query."""
    draw = random.Random(seed)
    log = []
    for query, ranking in enumerate(world.rankings.tolist()):
        for _ in range(visits):
            shown = list(ranking)
            for k in range(len(shown) - 1):
                if draw.random() < swapped:
                    shown[k], shown[k + 1] = shown[k + 1], shown[k]
            clicked = tuple(
                str(each)
                for k, each in enumerate(shown, 1)
                if draw.random() < looked_at(k)
                and draw.random() < rates[0 if each == world.answers[query] else 1]
            )
            log.append(
                ServedQuery(
                    f"query {query}",
                    tuple(Shown(str(each)) for each in shown),
                    clicked,
                    user=f"u{draw.randrange(400)}",
                )
            )
    return log


@dataclass(frozen=True)
class Taught:
    """Pairs of (query, document) and the weight of each."""

    pairs: list[tuple[int, int]]
    weights: NDArray[np.float64]

    @classmethod
    def plain(cls, pairs: Sequence[tuple[int, int]]) -> "Taught":
        """Return pairs that all count alike."""
        return cls(list(pairs), np.ones(len(pairs)))


def ways(world: World, log: Sequence[ServedQuery]) -> dict[str, Taught]:
    """Return what each way of reading the log teaches."""
    corpus = [Document(str(number), f"text {number}") for number in range(len(world.documents))]
    feedback = Feedback()
    judged = feedback._judge(log, corpus)
    votes, found = judged.votes, judged.relevance
    place = {key: _numbers(*key) for key in votes.results}
    chosen = [
        (_numbers(pair.query, pair.positive))
        for pair in feedback.derive(log, corpus, EVERYTHING).pairs
    ]
    number = {place[key]: row for row, key in enumerate(votes.results)}
    rows = [number[pair] for pair in chosen]
    revealed = detection(
        votes.impressions,
        judged.propensities,
        found,
        np.zeros(len(votes.results)),
        float(found.support[rows].min()),
    )
    clicked = np.flatnonzero(
        np.bincount(votes.impressions.result, votes.impressions.clicked, len(votes.results))
    )
    raw = [place[votes.results[row]] for row in clicked]
    asked = sorted({query for query, _ in raw})
    return {
        "raw clicks": Taught.plain(raw),
        "pairs": Taught.plain(chosen),
        "pairs, 1 / chance to be revealed": Taught(chosen, np.minimum(1 / revealed[rows], 10.0)),
        "pairs, probability": Taught(chosen, found.probability[rows]),
        "all clicks, probability": Taught(raw, found.probability[clicked]),
        "true answers": Taught.plain([(query, int(world.answers[query])) for query in asked]),
    }


def _numbers(query: str, text: str) -> tuple[int, int]:
    return int(query.split()[1]), int(text.split()[1])


def learned(world: World, test: World, taught: Taught, seed: int) -> float:
    """Train a linear map of the queries and return nDCG@10 on other queries."""
    import torch

    torch.manual_seed(seed)
    documents = torch.tensor(world.documents)
    queries = torch.tensor(world.queries)
    linear = torch.eye(queries.shape[1], requires_grad=True)
    optimiser = torch.optim.AdamW([linear], lr=2e-3, weight_decay=0.0)
    rows = torch.tensor(taught.pairs)
    weights = torch.tensor(taught.weights / taught.weights.mean(), dtype=torch.float32)
    for _ in range(15):
        for some in torch.randperm(len(rows)).split(64):
            asked = torch.nn.functional.normalize(queries[rows[some, 0]] @ linear, dim=1)
            logits = 20.0 * asked @ documents[rows[some, 1]].T
            same = rows[some, 1][:, None] == rows[some, 1][None, :]
            same.fill_diagonal_(False)
            losses = torch.nn.functional.cross_entropy(
                logits.masked_fill(same, -torch.inf), torch.arange(len(some)), reduction="none"
            )
            loss = (losses * weights[some]).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return ndcg(test, linear.detach().numpy())


def ndcg(world: World, linear: NDArray[np.float32]) -> float:
    """Return the mean nDCG@10 of a map of the queries."""
    similarities = (world.queries @ linear) @ world.documents.T
    own = similarities[np.arange(len(world.answers)), world.answers]
    rank = (similarities > own[:, None]).sum(axis=1)
    return float(np.where(rank < SHOWN, 1 / np.log2(rank + 2), 0.0).mean())


def labels() -> None:
    """Print precision and coverage of pairs and raw clicks."""
    print("| log | pairs | right | covered | raw clicks | right | covered |")
    print("|---|---|---|---|---|---|---|")
    for curve, looked_at in CURVES.items():
        for visits, noise in ((1, 0.05), (3, 0.05), (10, 0.05), (3, 0.15)):
            world = made_world(1500, 3000, seed=0)
            log = made_log(
                world, visits=visits, looked_at=looked_at, rates=(0.8, noise), swapped=0.2, seed=0
            )
            shown = {q for q, row in enumerate(world.rankings) if world.answers[q] in row}
            cells = []
            for name in ("pairs", "raw clicks"):
                pairs = ways(world, log)[name].pairs
                right = {query for query, text in pairs if world.answers[query] == text}
                hits = sum(world.answers[query] == text for query, text in pairs)
                cells += [
                    f"{len(pairs)}",
                    f"{hits / len(pairs):.0%}",
                    f"{len(right) / len(shown):.0%}",
                ]
            print(f"| {curve}, {visits} visits, noise {noise:.0%} | " + " | ".join(cells) + " |")


def learn(seeds: int) -> None:
    """Print what a model learns from each way of reading the log."""
    for noise in (0.05, 0.15):
        gains: dict[str, list[float]] = {}
        for seed in range(seeds):
            both = made_world(3000, 3000, seed)
            world = World(both.documents, both.queries[:1500], both.answers[:1500])
            test = World(both.documents, both.queries[1500:], both.answers[1500:])
            log = made_log(
                world,
                visits=3,
                looked_at=CURVES["1/rank"],
                rates=(0.8, noise),
                swapped=0.2,
                seed=seed,
            )
            base = ndcg(test, np.eye(world.queries.shape[1], dtype=np.float32))
            gains.setdefault("base", []).append(base)
            for name, taught in ways(world, log).items():
                gains.setdefault(name, []).append(learned(world, test, taught, seed) - base)
        print(f"noise {noise:.0%}:")
        for name, values in gains.items():
            error = np.std(values, ddof=1) / np.sqrt(len(values))
            print(f"  {name:34} {np.mean(values):+.4f} ± {error:.4f}")


def main() -> None:
    """Run a part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["labels", "learn"])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    labels() if options.part == "labels" else learn(options.seeds)


if __name__ == "__main__":
    main()
