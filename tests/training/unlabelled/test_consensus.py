"""Consensus: agreed pairs, less those that look as if the corpus held no answer."""

import random

import numpy as np

from training.encoding import Similarity
from training.unlabelled import Consensus, Corpus, Document, Reserved

TOPICS, WORDS = 120, 12


def made_case(answered, seed=0):
    """Return queries, a corpus with words of topics and of all, and vectors of both."""
    chance = random.Random(seed)
    common = [f"common{number}" for number in range(30)]
    words = {topic: [f"w{topic}x{number}" for number in range(WORDS)] for topic in range(TOPICS)}
    documents = [
        Document(f"{topic:03}", " ".join([*words[topic], *chance.sample(common, 8)]))
        for topic in range(TOPICS)
        if answered(topic)
    ]
    queries = [
        " ".join([*chance.sample(words[topic], 2), *chance.sample(common, 4)])
        for topic in range(TOPICS)
    ]
    names = [document.id for document in documents]

    def vectors(topics):
        noise = np.random.default_rng(len(topics)).normal(0, 0.12, (len(topics), TOPICS))
        made = np.eye(TOPICS)[topics] + noise
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    return queries, Corpus(documents), vectors(range(TOPICS)), vectors([int(n) for n in names])


def right(pair):
    """Return whether query and positive have a word of one topic in common."""
    topical = {word for word in pair.query.split() if word.startswith("w")}
    return bool(topical & set(pair.positive.split()))


def test_where_all_queries_have_an_answer_nearly_all_give_a_pair():
    derived = Consensus().derive(*made_case(lambda topic: True))
    assert len(derived.pairs) > 0.9 * TOPICS
    assert all(map(right, derived.pairs))


def test_queries_without_an_answer_give_few_pairs():
    case = made_case(lambda topic: topic % 2)
    careless = Consensus(floor=0.0, depth=5).derive(*case).pairs
    careful = Consensus(depth=5).derive(*case)
    wrong = [pair for pair in careless if not right(pair)]
    assert len(wrong) >= 3
    assert len([pair for pair in careful.pairs if not right(pair)]) <= len(wrong) / 3
    assert len(list(filter(right, careful.pairs))) > 0.8 * len(list(filter(right, careless)))
    assert "as weak as without an answer" in careful.reason


def test_the_champion_must_find_the_document_among_its_first():
    queries, corpus, asked, found = made_case(lambda topic: True)
    turned = np.roll(found, 7, axis=0)
    assert Consensus(floor=0.0).derive(queries, corpus, asked, found).pairs
    derived = Consensus(floor=0.0, depth=1).derive(queries, corpus, asked, turned)
    assert len(derived.pairs) < 3
    assert "the searches disagree" in derived.reason


def test_a_query_that_is_itself_a_document_is_paired_with_another_one():
    documents = [
        Document("1", "how do i block a lost card"),
        Document("2", "how can i get a lost card blocked"),
        Document("3", "when does the branch open"),
    ]
    vectors = np.float32([[1, 0], [0.9, 0.1], [0, 1]])
    derived = Consensus(floor=0.0).derive(
        ["How do I block a lost card?"], Corpus(documents), vectors[:1], vectors
    )
    assert [pair.positive for pair in derived.pairs] == ["how can i get a lost card blocked"]


def test_a_positive_loses_the_query_that_it_quotes():
    text = "How do I block a lost card? Call us, day or night, and we block it at once."
    corpus = Corpus([Document("1", text), Document("2", "opening hours"), Document("3", "q a b c")])
    vectors = np.eye(3, dtype=np.float32)
    derived = Consensus(floor=0.0).derive(
        ["how do i block a lost card?"], corpus, vectors[:1], vectors
    )
    (pair,) = derived.pairs
    assert pair.positive == "Call us, day or night, and we block it at once."


def test_a_document_that_everything_finds_gets_the_queries_nearest_to_it():
    documents = [Document("1", "card card card"), Document("2", "something else")]
    queries = [f"card {number}" for number in range(30)]
    angles = np.linspace(0.0, 0.7, 30)
    asked = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = np.float32([[1, 0], [-1, 0]])
    worker = Consensus(floor=0.0, per_document=50, mutual=5)
    derived = worker.derive(queries, Corpus(documents), asked, found)
    assert sorted(pair.query for pair in derived.pairs) == sorted(queries[:5])


def test_every_similarity_is_compared_as_the_champion_compares():
    queries, corpus, asked, found = made_case(lambda topic: True)
    for name in ("dot", "euclidean", "manhattan"):
        derived = Consensus().derive(queries, corpus, asked, found, Similarity(name))
        assert len(derived.pairs) > 0.5 * TOPICS


def test_nothing_to_pair_is_said():
    nothing = np.zeros((0, 2), np.float32)
    assert "documents" in Consensus().derive([], Corpus([]), nothing, nothing).reason
    corpus = Corpus([Document("1", "a"), Document("2", "b")])
    taboo = Reserved(queries=frozenset({"a"}))
    derived = Consensus().derive(["a"], corpus, np.eye(2)[:1], np.eye(2), reserved=taboo)
    assert (derived.pairs, derived.considered) == ((), 0)
