"""Rankings: the nearest documents, in one order, however they are computed."""

import numpy as np

from training.evaluation.rankings import nearest


def units(count, seed):
    vectors = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_documents_of_highest_cosine_come_first():
    queries, documents = units(7, 1), units(30, 2)
    places, cosines = nearest(queries, documents, depth=10, rows_at_once=3)
    every = queries @ documents.T
    for row in range(7):
        assert places[row].tolist() == np.argsort(-every[row])[:10].tolist()
        np.testing.assert_allclose(cosines[row], every[row][places[row]], rtol=1e-6)


def test_documents_of_equal_cosine_keep_their_order():
    documents = np.repeat(units(1, 1), 5, axis=0)
    places, _ = nearest(documents[:1], documents, depth=3, rows_at_once=10)
    assert places.tolist() == [[0, 1, 2]]


def test_a_small_corpus_is_ranked_whole():
    places, cosines = nearest(units(2, 1), units(4, 2), depth=10, rows_at_once=10)
    assert places.shape == cosines.shape == (2, 4)
