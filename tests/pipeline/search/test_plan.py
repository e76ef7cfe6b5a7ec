"""The plan for the index: what bridges keep, and the verdict, on spaces whose truth is known."""

import numpy as np
import pytest

from pipeline.gate import Gate
from pipeline.results import ReEmbeddingCost
from pipeline.search.estimates import loss, share
from pipeline.search.plan import Bridging, Occasion
from pipeline.search.spaces import (
    DOCUMENTS,
    Both,
    Collection,
    Spaces,
    Way,
    is_measured,
    split,
)
from training.encoding import Similarity
from training.evaluation import EvaluationSet
from training.pairs import normalised

SPACES = Spaces("b" * 64, "a" * 64)
COST = ReEmbeddingCost(documents=600, bytes=1, index_bytes=None, minutes=0.1, timed=64, cached=0)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Documents and queries near them, in a true space of few dimensions."""

    def __init__(self, documents=600, queries=450, dimensions=24, seed=0):
        generator = np.random.default_rng(seed)
        self.generator = generator
        self.documents = unit(generator.standard_normal((documents, dimensions)) + 0.3)
        self.answers = generator.integers(0, documents, queries)
        near = self.documents[self.answers]
        self.queries = unit(near + 0.1 * generator.standard_normal(near.shape))
        self.turn, _ = np.linalg.qr(generator.standard_normal((dimensions, dimensions)))

    def collections(self, moved, *, labelled=True, reworded=False):
        """Return the collections where `moved` gives the new vectors of old ones."""
        documents = Both(moved(self.documents), self.documents)
        queries = Both(moved(self.queries), self.queries)
        ids = tuple(f"d{row:04}" for row in range(len(self.documents)))
        names = tuple(f"q{row:04}" for row in range(len(self.queries)))
        texts = [f"document number {row}" for row in range(len(ids))]
        asked = [f"question number {row}" for row in range(len(names))]
        of = [row for row, text in enumerate(asked) if is_measured(text)][:40] if reworded else []
        again = unit(self.queries[of] + 0.02)
        given = EvaluationSet(
            "anchor/known",
            dict(zip(names, asked, strict=True)),
            dict(zip(ids, texts, strict=True)),
            {name: {ids[row]: 1} for name, row in zip(names, self.answers, strict=True)},
        )
        first = Collection(
            DOCUMENTS, ids, texts, documents, names, asked, queries,
            reworded=Both(moved(again), again) if of else None, reworded_of=tuple(of),
        )  # fmt: skip
        if not labelled:
            return [first]
        return [first, Collection(given.name, ids, texts, documents, names, asked, queries, given)]


def planned(collections, **settings):
    occasion = Occasion(old=1, new=2, gate=Gate(), cost=COST)
    return Bridging(**settings).plan(occasion, SPACES, collections)


def by_kind(plan):
    return {each.kind: each for each in plan.bridges}


def test_a_space_that_hardly_moved_needs_nothing():
    world = World()
    noise = 0.002
    plan = planned(
        world.collections(lambda v: unit(v + noise * world.generator.standard_normal(v.shape)))
    ).plan
    assert plan.verdict == "not worth it"
    assert plan.chosen == "none"
    assert by_kind(plan)["none"].recall_kept.low > 0.95
    assert plan.reason.startswith("not worth it: version 2 searches the index of version 1")


def test_a_turned_space_needs_a_bridge_and_gets_the_rotation():
    world = World()
    made = planned(world.collections(lambda v: unit(v @ world.turn)))
    plan, kinds = made.plan, by_kind(made.plan)
    assert (plan.verdict, plan.chosen) == ("bridge", "procrustes")
    assert made.bridge is not None
    assert made.bridge.kind == "procrustes"
    assert kinds["none"].recall_kept.high < 0.2 < 0.95 < kinds["procrustes"].recall_kept.low
    assert kinds["none"].dark > 100 > kinds["procrustes"].dark
    assert plan.movement.aligned_mean > 0.99 > 0.5 > plan.movement.mean
    assert plan.neighbours.mean == 1.0
    assert plan.recall_kept == kinds["procrustes"].recall_kept.mean


def test_a_space_of_other_meaning_must_be_embedded_again():
    world = World()
    documents = World(seed=5).documents
    near = documents[world.answers] + 0.1 * world.generator.standard_normal((450, 24))
    other = {len(documents): documents, len(near): unit(near)}
    plan = planned(world.collections(lambda v: other[len(v)])).plan
    assert plan.verdict == "re-embed"
    assert by_kind(plan)["affine"].recall_kept.high < 0.3
    assert "the labelled loss is above gate.max_drop" in plan.reason


def test_without_labels_the_recall_decides():
    world = World()
    made = planned(world.collections(lambda v: unit(v @ world.turn), labelled=False)).plan
    assert (made.verdict, made.chosen) == ("bridge", "procrustes")
    assert "bridge.minimum_recall (95%)" in made.reason
    assert any("no evaluation set has labels" in note for note in made.notes)
    noisy = lambda v: unit(v @ world.turn + 0.1 * world.generator.standard_normal(v.shape))  # noqa: E731
    plan = planned(world.collections(noisy, labelled=False)).plan
    assert plan.verdict == "re-embed"
    assert "there are no labels" in plan.reason
    allowed = planned(world.collections(noisy, labelled=False), minimum_recall=0.3).plan
    assert allowed.verdict in ("bridge", "not worth it")


def test_a_space_of_another_length_is_bridged_by_rotation_or_affine_map_only():
    world = World()
    longer, _ = np.linalg.qr(world.generator.standard_normal((40, 24)))
    plan = planned(world.collections(lambda v: unit(v @ longer.T))).plan
    assert {"procrustes"} <= set(by_kind(plan)) <= {"procrustes", "affine"}
    assert plan.verdict == "bridge"
    assert plan.movement.mean is None
    assert any("40 dimensions instead of 24" in note for note in plan.notes)


def test_thresholds_keep_the_pass_rate_and_the_map_gives_old_scores_back():
    world = World()

    # Scores of the new space are those of the old one, spread by a constant direction.
    def wider(vectors):
        return unit(np.hstack([vectors, np.full((len(vectors), 1), 1.0)]))

    plan = planned(world.collections(wider, reworded=True)).plan
    for quality in (plan.before, plan.re_embedded, *plan.bridges):
        assert list(quality.thresholds) == sorted(quality.thresholds)
        assert quality.paraphrase_recall.queries == 40
    assert min(plan.re_embedded.thresholds) > min(plan.before.thresholds)
    again = np.interp(
        plan.re_embedded.thresholds, plan.re_embedded.scores, plan.re_embedded.old_scores
    )
    assert again == pytest.approx(plan.before.thresholds, abs=0.02)
    assert plan.before.below_threshold == pytest.approx(0.1, abs=0.02)
    assert plan.re_embedded.below_threshold == 0.0


def test_nothing_that_is_measured_or_answers_it_is_fitted_on():
    world = World(documents=80, queries=60)
    collections = world.collections(lambda v: v)
    parts = split(collections, SPACES)
    measured = {normalised(collections[0].query_texts[row]) for row in collections[0].measured}
    fitted = {bytes(row) for row in (*parts.asked.old, *parts.searched.old)}
    held = {bytes(row) for row in parts.held.old}
    assert not fitted & held
    answers = {world.answers[row] for row in collections[0].measured}
    assert len(held) >= len(measured) + len(answers)
    assert all(bytes(world.documents[row]) in held for row in answers)
    assert len(fitted) + len(held) == 140


def test_bounds_of_recall_and_loss_hold_as_often_as_they_say():
    generator = np.random.default_rng(7)
    gate, rounds, missed = Gate(), 300, np.zeros(4)
    for _ in range(rounds):
        # Most queries keep all ten, some lose a few: the mean is 0.96.
        lost = generator.binomial(10, 0.2, 40) * (generator.random(40) < 0.2)
        kept = share(1 - lost / 10, gate)
        change = generator.choice([0.0, -0.3, 0.25], 40, p=[0.8, 0.1, 0.1])
        found = loss(change, gate)
        missed += [kept.low > 0.96, kept.high < 0.96, found.low > -0.005, found.high < -0.005]
    # Nominal 5 % each; three standard errors of 300 rounds are 3.8 %.
    assert (missed / rounds <= 0.05 + 0.038).all()


def test_no_queries_means_that_nothing_was_measured():
    world = World(documents=50, queries=0)
    plan = planned(world.collections(lambda v: v, labelled=False)).plan
    assert plan.verdict == "re-embed"
    assert plan.re_embedded.recall_kept is None


def test_the_ways_of_a_space_without_cosine_compare_as_its_models_do():
    documents, queries = World().documents * 2, World().queries * 3
    spaces = Spaces("b", "a", Similarity("euclidean"), Similarity("dot"))
    asked, searched = Both(queries, queries), Both(documents, documents)
    rows = searched.at(range(len(queries)))
    apart = -float(np.linalg.norm(queries[0] - documents[0]))
    new, old = Way(spaces), Way(spaces, old_queries=True)
    assert new.scores(asked, rows)[0] == pytest.approx(apart, abs=1e-5)
    assert old.scores(asked, rows)[0] == pytest.approx(float(queries[0] @ documents[0]), abs=1e-5)
    for way in (new, old):
        places, scores = way.search(asked, searched)
        assert scores[:, 0] == pytest.approx(way.scores(asked, searched.at(places[:, 0])), abs=1e-4)
