"""The embedding cache: damage is found, small parts are joined, other spaces are pruned."""

import numpy as np

from training.encoding.embedding_cache import prune_cache
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


def test_many_small_writes_become_one_file_and_lose_nothing(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    encoder = Encoder.load(tiny_model, cache=cache)
    texts = [f"card {i}" for i in range(40)]
    kept = np.concatenate([encoder.encode([text]) for text in texts])
    assert len(list(cache.rglob("*.npy"))) < 20
    assert np.array_equal(Encoder.load(tiny_model, cache=cache).encode(texts), kept)


def test_the_cache_of_other_spaces_can_be_pruned(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    long, short = (
        Encoder.load(tiny_model, cache=cache),
        Encoder.load(tiny_model, max_length=8, cache=cache),
    )
    long.encode(TEXTS)
    short.encode(TEXTS)
    assert len(prune_cache(cache, [long.fingerprint])) == 1
    assert prune_cache(cache, [long.fingerprint]) == []
