"""The embedding cache: damage is found, and small parts are joined."""

import numpy as np
import pytest

from training.encoding import embedding_cache
from training.encoding.embedding_cache import EmbeddingCache, text_digest
from training.encoding.encoder import Encoder

TEXTS = ["my card is lost", "where is the train", "book a flight and a hotel", "my card is lost"]


def test_a_damaged_cache_is_encoded_again(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    vectors = Encoder.load(tiny_model, cache=cache).encode(TEXTS)
    (part,) = cache.rglob("*.npy")
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    for damaged in (bytes(content), bytes(content[:150]), b""):
        part.write_bytes(damaged)
        assert np.array_equal(Encoder.load(tiny_model, cache=cache).encode(TEXTS), vectors)


def test_forgotten_texts_are_encoded_again_and_others_are_not(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    encoder = Encoder.load(tiny_model, cache=cache)
    for text in TEXTS[:3]:
        encoder.encode([text])
    assert embedding_cache.forget_texts(cache, [TEXTS[0], TEXTS[1], "never encoded"]) == 2
    kept = EmbeddingCache(next(cache.rglob("*.npy")).parent, 16)
    assert [*kept.get([text_digest(text) for text in TEXTS])] == [text_digest(TEXTS[2])]
    assert embedding_cache.forget_texts(cache, []) == 0


def test_many_small_writes_become_one_file_and_lose_nothing(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    encoder = Encoder.load(tiny_model, cache=cache)
    texts = [f"card {i}" for i in range(40)]
    kept = np.concatenate([encoder.encode([text]) for text in texts])
    assert len(list(cache.rglob("*.npy"))) < 20
    assert np.array_equal(Encoder.load(tiny_model, cache=cache).encode(texts), kept)


@pytest.fixture
def many(tmp_path, monkeypatch):
    """Return a cache of many parts of three sizes, and 600 digests with their vectors."""
    monkeypatch.setattr(embedding_cache, "_COMPACT_ABOVE", 4)
    monkeypatch.setattr(embedding_cache, "_SMALL", 256)
    cache = EmbeddingCache(tmp_path / "many", 4)
    digests = [text_digest(f"text {number}") for number in range(600)]
    vectors = np.arange(2400, dtype=np.float32).reshape(600, 4)
    for start in range(0, 600, 2):
        cache.put(digests[start : start + 2], vectors[start : start + 2])
    return cache, digests, vectors


def test_the_number_of_parts_grows_more_slowly_than_what_is_written(many):
    cache, _, _ = many
    sizes = {embedding_cache._size_class(file.stat().st_size) for file in cache.folder.iterdir()}
    assert len(sizes) > 2
    assert len(list(cache.folder.iterdir())) <= 4 * len(sizes)


def test_vectors_are_found_in_parts_of_every_size_by_the_same_and_by_another_process(many):
    cache, digests, vectors = many
    for opened in (cache, EmbeddingCache(cache.folder, 4)):
        found = opened.get([*digests, text_digest("another")])
        assert len(found) == 600
        assert all(np.array_equal(found[each], vectors[row]) for row, each in enumerate(digests))


def test_a_part_that_another_process_joined_with_others_is_found_where_it_is_now(many):
    cache, digests, vectors = many
    other = EmbeddingCache(cache.folder, 4)
    more = [text_digest(f"more {number}") for number in range(40)]
    for each in more:
        other.put([each], vectors[:1])
    found = cache.get([*digests, *more])
    assert set(found) == {*digests, *more}


def test_what_is_stored_twice_is_kept_once_when_parts_are_joined(many):
    cache, digests, vectors = many
    for number in range(40):
        cache.put([digests[0], text_digest(f"more {number}")], vectors[:2])
    rows = sum(len(np.load(file)) for file in cache.folder.iterdir())
    assert 600 + 40 <= rows < 600 + 40 + 40
