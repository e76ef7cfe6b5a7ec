"""Vectors over HTTP: the real openai client, and the shapes of text-embeddings-inference."""

import base64

import httpx
import numpy as np
import openai
import pytest

from pipeline import Workspace

TEXTS = ["where is my card", "how do I book a hotel", "my card", "salt"]


@pytest.fixture(scope="module")
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def expected(indexed_once):
    with Workspace.open(indexed_once) as workspace:
        return workspace.encoder(2).encode(TEXTS)


@pytest.fixture(scope="module")
def http(url):
    with httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize("form", ["float", "base64", None])
def test_the_openai_client_gets_the_vectors_of_the_champion(client, expected, form):
    # Without a format the client asks for base64 and decodes it.
    options = {"encoding_format": form} if form else {}
    answer = client.embeddings.create(model="tiny-search", input=TEXTS, **options)
    rows = [each.embedding for each in answer.data]
    if form == "base64":
        rows = [np.frombuffer(base64.b64decode(row), dtype="<f4") for row in rows]
    np.testing.assert_allclose(np.float32(rows), expected, atol=1e-6)
    assert [each.index for each in answer.data] == [0, 1, 2, 3]
    assert answer.model == "tiny-search/2"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 4 * len(TEXTS)


def test_base64_and_floats_are_the_same_numbers(client):
    answers = [
        client.embeddings.create(model="tiny-search", input="my card", encoding_format=form)
        for form in ("float", "base64")
    ]
    plain, packed = (each.data[0].embedding for each in answers)
    assert np.float32(plain).tobytes() == base64.b64decode(packed)


def test_token_arrays_are_refused_with_the_way_out(client):
    for tokens in ([1, 2, 3], [[1, 2], [3]]):
        with pytest.raises(openai.UnprocessableEntityError, match="check_embedding_ctx_length"):
            client.embeddings.create(model="tiny-search", input=tokens)


def test_only_the_version_that_serves_can_be_named(client):
    for name in ("tiny-search", "champion", "tiny-search/2", "2", "v2"):
        assert client.embeddings.create(model=name, input="a").model == "tiny-search/2"
    for name in ("tiny-search/1", "text-embedding-3-small"):
        with pytest.raises(openai.NotFoundError, match="tiny-search/2"):
            client.embeddings.create(model=name, input="a")


def test_lengths_that_are_not_judged_are_refused(client):
    whole = client.embeddings.create(model="tiny-search", input="a", dimensions=16)
    assert len(whole.data[0].embedding) == 16
    with pytest.raises(openai.UnprocessableEntityError, match="allowed: 16"):
        client.embeddings.create(model="tiny-search", input="a", dimensions=8)


def test_embed_answers_as_text_embeddings_inference_does(http, expected):
    answer = http.post("/embed", json={"inputs": TEXTS})
    np.testing.assert_allclose(np.float32(answer.json()), expected, atol=1e-6)
    assert answer.headers["x-anchorhold-version"] == "2"
    assert len(http.post("/embed", json={"inputs": "one"}).json()) == 1


def test_embed_refuses_to_cut_texts_where_that_is_asked(http):
    long = "card " * 100
    refused = http.post("/embed", json={"inputs": long, "truncate": False})
    assert refused.status_code == 422
    assert "102 tokens" in refused.json()["error"]["message"]
    assert http.post("/embed", json={"inputs": long}).status_code == 200


def test_info_says_what_serves(http):
    info = http.get("/info").json()
    assert (info["served_version"], info["index_documents"], info["dimensions"]) == (2, 30, [16])
    assert info["max_input_length"] == 32
    assert not info["index_bridged"]


def test_texts_that_are_no_unicode_are_refused(http):
    answer = http.post(
        "/v1/embeddings",
        content=b'{"input": "\\ud800"}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
