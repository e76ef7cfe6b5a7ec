"""Derived pairs: none from what is kept for measuring, capped, the same in any order of input."""

import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pairs import HoldOut, normalised
from training.unlabelled import (
    Consensus,
    Corpus,
    Document,
    KnownItems,
    LexicalTruth,
    Reformulation,
    Reserved,
    ServedQuery,
    Shown,
    Structure,
    distinct_queries,
)
from training.unlabelled.lexical import words_of

WORDS = [
    "bank", "block", "book", "car", "card", "cook", "day", "hotel", "lost", "menu", "money",
    "night", "pay", "post", "salt", "train",
]  # fmt: skip
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=5).map(lambda some: ". ".join(some) + ".")
DOCUMENTS = st.lists(
    st.builds(
        Document,
        st.integers(0, 40).map(str),
        TEXTS,
        title=st.one_of(st.just(""), SENTENCES),
        timestamp=st.just(1.0),
    ),
    max_size=12,
    unique_by=lambda document: document.id,
)
HITS = st.lists(st.integers(0, 40).map(str), max_size=2).map(tuple)
LOGS = st.lists(
    st.builds(
        ServedQuery,
        SENTENCES,
        shown=HITS.map(lambda names: tuple(Shown(name) for name in names)),
        clicked=HITS,
        session=st.sampled_from("ab"),
        user=st.sampled_from(("", "u")),
        timestamp=st.integers(0, 900).map(float),
    ),
    max_size=16,
)
CAP = 2


def embedded(texts):
    """Return vectors that count words."""
    vectors = np.array([[text.split().count(word) for word in WORDS] for text in texts], np.float32)
    vectors = vectors.reshape(len(texts), len(WORDS))
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def all_derived(documents, log, reserved):
    corpus, queries = Corpus(documents), distinct_queries(log)
    arrays = embedded(queries), embedded(corpus.texts)
    worker = Consensus(per_document=CAP, floor=0.0)
    return corpus, (
        worker.derive(queries, corpus, *arrays, reserved=reserved),
        Structure(per_document=CAP, minimum_words=2, minimum_rest=3).derive(corpus, reserved),
        Reformulation(per_document=CAP).derive(log, corpus, reserved),
    )


@settings(max_examples=60)
@given(DOCUMENTS, LOGS, st.randoms(use_true_random=False))
def test_no_pair_comes_from_a_held_out_query_or_a_protected_document(documents, log, chance):
    hold = HoldOut(share=0.4)
    protected = frozenset(document.id for document in documents if chance.random() < 0.4)
    corpus, derived = all_derived(documents, log, Reserved(protected, hold))
    for each in derived:
        for pair in each.pairs:
            assert pair.source == each.kind
            assert not hold.holds(pair.query)
            assert normalised(pair.query) != normalised(pair.positive)
    texts = {normalised(corpus.documents[corpus.row(name)].whole) for name in protected}
    for pair in (*derived[0].pairs, *derived[2].pairs):
        assert normalised(pair.positive) not in texts
    free = [document for document in documents if document.id not in protected]
    held = [Counter(words_of(document.whole)) for document in free]
    for pair in derived[1].pairs:
        needed = Counter(words_of(f"{pair.query} {pair.positive}"))
        assert any(needed <= each for each in held)


@settings(max_examples=60)
@given(DOCUMENTS, LOGS, st.integers(0, 9))
def test_pairs_are_capped_and_depend_on_no_order_of_the_input(documents, log, seed):
    _, derived = all_derived(documents, log, Reserved())
    shuffle = random.Random(seed).sample
    _, again = all_derived(shuffle(documents, len(documents)), shuffle(log, len(log)), Reserved())
    assert derived == again
    for each in derived:
        assert (
            len({pair.id for pair in each.pairs})
            == len(each.pairs)
            <= max(2, each.considered * CAP)
        )
        assert each.reason
    for kind in (derived[0], derived[2]):
        positives = [pair.positive for pair in kind.pairs]
        assert all(positives.count(text) <= CAP for text in positives)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=12)), max_size=8),
    st.lists(st.text(max_size=40), max_size=8),
)
def test_no_text_is_too_odd(texts, queries):
    documents = [Document(str(number), text, title) for number, (text, title) in enumerate(texts)]
    log = [
        ServedQuery(query, (), (str(row % 3),) * (row % 2), session="s", timestamp=float(row))
        for row, query in enumerate(queries)
    ]
    corpus, derived = all_derived(documents, log, Reserved())
    for pair in (pair for each in derived for pair in each.pairs):
        assert normalised(pair.query)
        assert normalised(pair.positive)
    asked = distinct_queries(log)
    for proxy in (
        KnownItems(minimum=1, share=0.5).make(corpus, asked),
        LexicalTruth(minimum=1).make(asked, corpus),
    ):
        assert proxy.task is None or set(proxy.task.relevant) == set(proxy.task.queries)
