"""Similarities of a version on a set: their histogram counts each once, in bins that all share."""

import numpy as np
import pytest

from pipeline.cycle.cosines import set_cosines
from pipeline.results import CycleResult, past_cycles
from training.encoding import Similarity
from training.evaluation import EvaluationSet


class Drawn:
    """Gives each text a vector of its own."""

    fingerprint = "f"

    def __init__(self, similarity, scale=1.0):
        self.similarity, self.scale = similarity, scale

    def encode(self, texts, *, kind="query", progress=None):
        vectors = np.stack(
            [np.random.default_rng(len(text)).standard_normal(8) + 0.5 for text in texts]
        ).astype(np.float32)
        if self.similarity.name == "cosine":
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return self.scale * vectors


def made(count=40):
    return EvaluationSet(
        "anchor/faq",
        {f"q{number}": "q" * (number + 1) for number in range(count)},
        {f"d{number}": "d" * (number + 60) for number in range(count)},
        {f"q{number}": {f"d{number}": 1} for number in range(count)},
    )


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean"])
def test_a_histogram_counts_every_similarity_once(name):
    found = set_cosines(Drawn(Similarity(name)), made())
    assert sum(found.relevant_counts) == sum(found.random_counts) == 40
    assert len(found.edges) == len(found.relevant_counts) + 1
    assert list(found.edges) == sorted(set(found.edges))
    low, high = found.edges[0], found.edges[-1]
    assert low <= found.relevant[0] and found.relevant[-1] <= high


def test_cosines_of_all_versions_and_sets_share_the_edges_of_their_bins():
    first, second = (set(set_cosines(Drawn(Similarity()), made(size)).edges) for size in (40, 9))
    inner = sorted(first)[1:-1]
    assert np.allclose(np.array(inner) / 0.04, np.round(np.array(inner) / 0.04))
    assert set(sorted(second)[1:-1]) <= {round(0.04 * step, 4) for step in range(-25, 26)}


def test_queries_that_equal_their_documents_fall_into_the_last_bin():
    class Same(Drawn):
        def encode(self, texts, *, kind="query", progress=None):
            return np.full((len(texts), 3), 1 / np.sqrt(3), dtype=np.float32)

    found = set_cosines(Same(Similarity()), made(5))
    assert found.relevant_counts[-1] == found.random_counts[-1] == 5


def test_each_candidate_says_how_far_it_moves_the_anchor_texts(opened):
    promoted, first = past_cycles(opened.store)
    assert first.result.movement is None
    moved = promoted.result.movement
    assert (moved.old, moved.new) == (1, 2)
    (bank,) = moved.sets
    assert bank.task == "anchor/bank"
    assert bank.cosine < 1.0
    assert 0.0 < bank.neighbours <= 1.0
    assert 0.0 < bank.results <= 1.0
    assert -1.0 <= bank.pair_correlation <= 1.0
    metrics = opened.registry.client.get_run(promoted.result.run_id).data.metrics
    for name in ("cosine", "neighbours", "results", "pair_correlation", "pair_change"):
        assert metrics[f"anchor/bank/moved_{name}"] == pytest.approx(getattr(bank, name))
    read = CycleResult.model_validate_json(promoted.result.model_dump_json())
    assert read.movement == moved
