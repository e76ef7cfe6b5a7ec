"""The encoder: unit vectors in the order of the texts, each text encoded once."""

from contextlib import contextmanager

import numpy as np
import pytest
from odd_models import loaded, routed, with_nan_for

from training.encoding import encoder
from training.encoding.embedding_cache import text_digest
from training.encoding.encoder import Encoder
from training.faults import DataFault, NoEmbedding

TEXTS = ["my card is lost", "where is the train", "book a flight and a hotel", "my card is lost"]


def test_rows_are_unit_vectors_in_the_order_of_the_texts(tiny_model):
    encoder = Encoder.load(tiny_model)
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (4, encoder.dimensions) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors[0], vectors[3])
    assert np.allclose(encoder.encode(TEXTS[1:2])[0], vectors[1], atol=1e-6)
    assert encoder.encode([]).shape == (0, encoder.dimensions)


def test_no_text_is_encoded_twice(tiny_model, tmp_path):
    totals = []

    @contextmanager
    def progress(label, total):
        totals.append((label, total))
        yield lambda done: None

    first = Encoder.load(tiny_model, cache=tmp_path / "cache")
    vectors = first.encode(TEXTS, progress=progress)
    again = Encoder.load(tiny_model, cache=tmp_path / "cache").encode(
        [*TEXTS, "salt"], kind="document", progress=progress
    )
    assert totals == [("encode", 3), ("encode", 1)]
    assert np.array_equal(again[:4], vectors)


def test_words_are_cut_into_pieces_and_unknown_pieces_are_seen(tiny_model):
    (words,) = Encoder.load(tiny_model, max_length=4).words(["My card, zz 😀 " + "card " * 50])
    assert words[:5] == (
        ("My", 1, False),
        ("card", 1, False),
        (",", 1, True),
        ("zz", 2, False),
        ("😀", 1, True),
    )
    assert len(words) == 55


def test_a_lone_surrogate_is_a_fault_of_the_data(tiny_model):
    with pytest.raises(DataFault, match="must be Unicode"):
        Encoder.load(tiny_model).encode(["\ud800"])


def test_texts_of_like_token_counts_share_a_batch(tiny_model, monkeypatch):
    monkeypatch.setattr(encoder, "_BATCH", 2)
    loaded = Encoder.load(tiny_model, max_length=32)
    batches = []
    forward = loaded._model.encode_query
    monkeypatch.setattr(
        loaded._model,
        "encode_query",
        lambda some, **more: batches.append(some) or forward(some, **more),
    )
    # Letter by letter, a word that is none has as many tokens as letters.
    texts = ["where is my card where is my card", "zzzzzzzz", "qqqqqqqqq", "card is my where"]
    vectors = loaded.encode(texts)
    assert batches == [["qqqqqqqqq", texts[0]], ["zzzzzzzz", "card is my where"]]
    alone = [Encoder.load(tiny_model, max_length=32).encode([text])[0] for text in texts]
    np.testing.assert_allclose(vectors, alone, atol=1e-6)


def test_a_text_without_embedding_is_named_and_never_cached(tiny_model, tmp_path):
    folder = with_nan_for("menu", tiny_model, tmp_path / "model")
    cache = tmp_path / "cache"
    for _ in range(2):
        with pytest.raises(NoEmbedding, match="gave NaN for 'the menu 7' and 1 other text;"):
            Encoder.load(folder, cache=cache).encode(["a card", "the menu 7", "menu"])
    assert np.isfinite(Encoder.load(folder, cache=cache).encode(["a card"])).all()
    (part,) = cache.rglob("*.npy")
    rows = np.load(part)
    assert len(rows) == 1 and np.isfinite(rows["vector"]).all()


def test_a_vector_that_an_earlier_process_cached_as_nan_is_named_too(tiny_model, tmp_path):
    encoder = Encoder.load(tiny_model, cache=tmp_path / "cache", name="the base")
    vector = np.full((1, encoder.dimensions), np.inf, dtype=np.float32)
    encoder._open_cache("query").put([text_digest("a card")], vector)
    with pytest.raises(NoEmbedding, match="the base gave infinity for 'a card'; exclude"):
        encoder.encode(["a card"])


def test_queries_and_documents_take_their_own_routes(tiny_model, tmp_path):
    folder = routed(tiny_model, tmp_path / "model")
    cache = tmp_path / "cache"
    query, document = (
        Encoder.load(folder, cache=cache).encode(TEXTS, kind=kind) for kind in ("query", "document")
    )
    plain = loaded(folder)
    assert np.allclose(query, plain.encode_query(TEXTS), atol=1e-5)
    assert np.allclose(document, plain.encode_document(TEXTS), atol=1e-5)
    assert not np.allclose(query, document, atol=1e-3)
