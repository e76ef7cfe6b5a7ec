"""The similarity that a model declares, against the one that sentence-transformers computes."""

import numpy as np
import pytest
from declared_models import long_vectors
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import SimilarityFunction, truncate_embeddings

from training.encoding.encoder import Encoder
from training.encoding.model_folder import fingerprint
from training.encoding.similarity import Similarity

NAMES = ("cosine", "dot", "euclidean", "manhattan")
QUERIES = ["where is my card", "how is the flight"]
DOCUMENTS = ["the card is gone", "the train is lost", "pay the hotel"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [16, 5])
def test_texts_are_compared_as_the_library_compares_what_it_encodes(
    tiny_model, tmp_path, name, length
):
    folder = long_vectors(tiny_model, tmp_path / "model", name)
    plain = SentenceTransformer(str(folder), device="cpu", truncate_dim=length)
    served = plain.similarity(plain.encode_query(QUERIES), plain.encode_document(DOCUMENTS))
    encoder = Encoder.load(folder)
    ours = encoder.similarity.between(
        encoder.similarity.ready(encoder.encode(QUERIES), length),
        encoder.similarity.ready(encoder.encode(DOCUMENTS, kind="document"), length),
    )
    np.testing.assert_allclose(ours, served.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_unit_vectors_are_the_directions_of_what_is_encoded(tiny_model, tmp_path, name):
    encoder = Encoder.load(long_vectors(tiny_model, tmp_path / "model", name))
    vectors, units = encoder.encode(QUERIES), encoder.unit_vectors(QUERIES)
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, rtol=1e-6)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors / lengths, units, rtol=1e-6)
    assert np.allclose(lengths, 1) == (name == "cosine")


def test_vectors_of_a_cache_are_those_that_the_model_gives(tiny_model, tmp_path):
    folder = long_vectors(tiny_model, tmp_path / "model", "dot")
    first, second = (Encoder.load(folder, cache=tmp_path / "cache") for _ in range(2))
    assert first.encode(QUERIES).tolist() == second.encode(QUERIES).tolist()
    plain = SentenceTransformer(str(folder), device="cpu").encode_query(QUERIES)
    np.testing.assert_allclose(second.encode(QUERIES), plain, rtol=1e-5, atol=1e-5)


def test_only_another_similarity_than_the_cosine_changes_a_fingerprint(tiny_model, tmp_path):
    folder = long_vectors(tiny_model, tmp_path / "model", "cosine")
    file = folder / "config_sentence_transformers.json"
    declared = '"similarity_fn_name": "cosine"'
    text = file.read_text(encoding="utf-8")
    assert declared in text
    cosine = fingerprint(folder)
    found = set()
    for value in ('"dot"', '"euclidean"', '"manhattan"'):
        file.write_text(text.replace(declared, f'"similarity_fn_name": {value}'), encoding="utf-8")
        found.add(fingerprint(folder))
    assert len(found - {cosine}) == 3
    file.write_text(text.replace(declared, '"similarity_fn_name": null'), encoding="utf-8")
    assert fingerprint(folder) == cosine
    file.write_text(text.replace(declared, f'{declared}, "truncate_dim": 8'), encoding="utf-8")
    assert fingerprint(folder) != cosine


@pytest.mark.parametrize("name", NAMES[1:])
def test_similarities_divided_by_their_size_lie_where_cosines_do(name):
    random = np.random.default_rng(0)
    queries, documents = (
        random.normal(1, 5, (40, 24)).astype(np.float32) * random.uniform(2, 30) for _ in range(2)
    )
    similarity = Similarity(name)
    scaled = similarity.between(queries, documents) / similarity.size(queries, documents)
    assert np.abs(scaled).max() < 4
    if name != "manhattan":
        units = similarity.directions(queries)
        assert similarity.size(units, units) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_cut_vectors_are_those_of_the_library(name):
    vectors = np.random.default_rng(1).normal(0, 3, (6, 10)).astype(np.float32)
    similarity = Similarity(name)
    cut = truncate_embeddings(vectors, 4)
    served = SimilarityFunction.to_similarity_fn(name)(cut, cut).numpy()
    ready = similarity.ready(similarity.directions(vectors) if name == "cosine" else vectors, 4)
    np.testing.assert_allclose(similarity.between(ready, ready), served, atol=2e-3)
