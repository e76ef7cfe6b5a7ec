import json
import shutil
from contextlib import contextmanager

import numpy as np
import pytest

from training.encoding import encoder
from training.encoding.embedding_cache import prune_cache
from training.encoding.encoder import Encoder, fingerprint
from training.encoding.loading import fetch_base
from training.encoding.model_folder import read_manifest, write_manifest
from training.faults import DataFault

TEXTS = ["my card is lost", "where is the train", "book a flight and a hotel", "my card is lost"]


@pytest.fixture
def copy(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


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


def test_the_fingerprint_follows_what_shapes_an_embedding(copy, tiny_model):
    known = fingerprint(tiny_model, 32)
    (copy / "README.md").write_text("a card")
    assert fingerprint(copy, 32) == known == Encoder.load(copy, max_length=32).fingerprint
    assert fingerprint(copy, 16) != known
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(copy, 32) != known


def test_prompts_pooling_and_tokenizer_belong_to_the_fingerprint(copy, tiny_model):
    known = fingerprint(tiny_model, 32)
    for name, change in (
        ("config_sentence_transformers.json", {"prompts": {"query": "query: ", "document": ""}}),
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("tokenizer.json", {"normalizer": None}),
    ):
        file = copy / name
        before = file.read_text()
        file.write_text(json.dumps({**json.loads(before), **change}))
        assert fingerprint(copy, 32) != known, name
        file.write_text(before)
    assert fingerprint(copy, 32) == known


def test_library_versions_do_not_change_the_fingerprint(copy, tiny_model):
    file = copy / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "transformers_version": "99"}))
    assert fingerprint(copy) == fingerprint(tiny_model)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda f: (f / "pytorch_model.bin").write_bytes(b"x"),
            r"pytorch_model\.bin: pickled weights and code are refused",
        ),
        (lambda f: (f / "evil.py").write_text("raise SystemExit"), r"evil\.py"),
        (lambda f: (f / "model.safetensors").unlink(), r"holds no \.safetensors weights"),
        (
            lambda f: (f / "modules.json").write_text('[{"type": "evil.Evil", "path": ""}]'),
            "module class 'evil.Evil'",
        ),
        (lambda f: (f / "modules.json").write_text("{"), r"modules\.json: not readable as JSON"),
        (lambda f: (f / "modules.json").unlink(), r"modules\.json: missing"),
        (
            lambda f: (f / "modules.json").write_text(
                '[{"type": "sentence_transformers.models.Pooling", "path": "../x"}]'
            ),
            "leaves the folder",
        ),
        (
            lambda f: (f / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Evil"}}'),
            "auto_map",
        ),
        (lambda f: (f / "model.safetensors").write_bytes(b"short"), "cannot be loaded"),
    ],
)
def test_unsafe_or_broken_folders_are_refused(copy, spoil, message):
    spoil(copy)
    with pytest.raises(DataFault, match=message):
        Encoder.load(copy)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataFault, match="no such model folder"):
        Encoder.load(tmp_path / "nothing")


def test_a_length_beyond_the_model_is_refused(tiny_model):
    with pytest.raises(DataFault, match=r"max_length must lie in \[1, 64\].*got 65"):
        Encoder.load(tiny_model, max_length=65)


def test_a_lone_surrogate_is_a_fault_of_the_data(tiny_model):
    with pytest.raises(DataFault, match="must be Unicode"):
        Encoder.load(tiny_model).encode(["\ud800"])


def test_the_base_is_saved_as_a_plain_folder(tiny_model, tmp_path):
    folder = fetch_base(str(tiny_model), tmp_path / "base", 16)
    assert fingerprint(folder) == fingerprint(tiny_model, 16)
    assert not [f.name for f in folder.rglob("*") if f.suffix in {".bin", ".md", ".py"}]
    assert fetch_base("no longer needed", folder, 16) == folder
    assert [f.name for f in tmp_path.iterdir()] == ["base"]


@pytest.mark.parametrize("base", ["nobody/no-such-model", "./nowhere", "nowhere"])
def test_a_base_that_does_not_exist_is_named(base, tmp_path, monkeypatch):
    with pytest.raises(DataFault, match=r"model\.base '.*' is n"):
        fetch_base(base, tmp_path / "base", 16)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_vouches_for_every_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("1")
    write_manifest(tmp_path, steps=3)
    assert read_manifest(tmp_path)["steps"] == 3
    (tmp_path / "two.txt").write_text("2")
    assert read_manifest(tmp_path) is None
    (tmp_path / "two.txt").unlink()
    (tmp_path / "a" / "one.txt").write_text("x")
    assert read_manifest(tmp_path) is None
    (tmp_path / "manifest.json").write_text("{")
    assert read_manifest(tmp_path) is None


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
