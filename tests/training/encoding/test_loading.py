"""Loading: bases become plain folders of float32 weights, and what cannot be loaded is named."""

import numpy as np
import pytest
import torch
from odd_models import (
    bare,
    changed,
    cross_encoder,
    gpt2,
    in_hub_cache,
    roberta,
    routed,
    sparse_encoder,
    t5,
)
from safetensors.numpy import load_file
from transformers import (
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2LMHeadModel,
)

from training.encoding.encoder import Encoder
from training.encoding.loading import fetch_base
from training.encoding.model_folder import fingerprint
from training.faults import DataFault


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataFault, match="no such model folder"):
        Encoder.load(tmp_path / "nothing")


def test_a_length_beyond_the_model_is_refused(tiny_model):
    with pytest.raises(DataFault, match=r"max_length is 65; .* allows 1 to 64"):
        Encoder.load(tiny_model, max_length=65)


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


@pytest.mark.parametrize("form", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_are_float32_whatever_they_were_saved_in(form, tiny_model, tmp_path):
    half = changed(tiny_model, tmp_path / "half", lambda model: model.to(form))
    base = fetch_base(half, tmp_path / "base", 32)
    assert {weight.dtype for weight in load_file(base / "model.safetensors").values()} == {
        np.dtype(np.float32)
    }
    texts = ["my card is lost", "where is the train"]
    ours, whole = Encoder.load(half).encode(texts), Encoder.load(tiny_model).encode(texts)
    assert np.array_equal(ours, Encoder.load(base).encode(texts))
    assert np.allclose(ours, whole, atol=0.02)


@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (roberta, 64),
        (lambda place: gpt2(place, padding=True), 64),
        (t5, None),
    ],
    ids=["roberta", "gpt2", "t5"],
)
def test_the_limit_of_a_length_is_the_number_of_positions_that_texts_can_have(
    make, limit, tmp_path
):
    folder = make(tmp_path / "model")
    long = " ".join(["card"] * 200)
    assert np.isfinite(Encoder.load(folder, max_length=limit or 256).encode([long])).all()
    if limit is not None:
        with pytest.raises(DataFault, match=rf"max_length is {limit + 1}; .* allows 1 to {limit}"):
            Encoder.load(folder, max_length=limit + 1)


def test_the_limit_of_a_model_with_routes_is_that_of_each_route(tiny_model, tmp_path):
    folder = routed(tiny_model, tmp_path / "model")
    Encoder.load(folder, max_length=64)
    with pytest.raises(DataFault, match="allows 1 to 64"):
        Encoder.load(folder, max_length=65)


def test_a_tokenizer_without_padding_is_refused_in_one_sentence(tmp_path):
    folder = gpt2(tmp_path / "model", padding=False)
    with pytest.raises(DataFault, match="model: its tokenizer has no padding token; set one"):
        fetch_base(folder, tmp_path / "base", 32)
    assert not (tmp_path / "base").exists()


OTHERS = [
    (cross_encoder, "holds a CrossEncoder"),
    (sparse_encoder, "holds a SparseEncoder"),
    (lambda *at: bare(*at, BertForSequenceClassification), "a reranker or classifier"),
    (lambda *at: bare(*at, BertForTokenClassification), "a token classifier"),
    (lambda *at: bare(*at, GPT2LMHeadModel), "names GPT2LMHeadModel, a language model"),
]


@pytest.mark.parametrize(
    ("make", "what"), OTHERS, ids=["cross", "sparse", "reranker", "tokens", "language"]
)
def test_another_kind_of_model_is_refused_before_it_is_loaded(
    make, what, tiny_model, tmp_path, monkeypatch
):
    folder = make(tiny_model, tmp_path / "other")
    in_hub_cache(folder, tmp_path / "hub", "owner/other")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for number, base in enumerate((folder, "owner/other")):
        target = tmp_path / f"base-{number}"
        with pytest.raises(DataFault, match=what) as fault:
            fetch_base(base, target, 32)
        assert " is needed" in str(fault.value) and "\n" not in str(fault.value)
        assert not target.exists()


def test_a_part_of_a_sparse_encoder_betrays_it_without_its_name(tiny_model, tmp_path):
    folder = sparse_encoder(tiny_model, tmp_path / "sparse")
    (folder / "config_sentence_transformers.json").unlink()
    with pytest.raises(DataFault, match="holds a SparseEncoder"):
        fetch_base(folder, tmp_path / "base", 32)


def test_an_adapter_without_its_model_is_refused(tiny_model, tmp_path):
    folder = changed(tiny_model, tmp_path / "adapter", lambda model: None)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(DataFault, match="holds an adapter; merge it"):
        fetch_base(folder, tmp_path / "base", 32)


@pytest.mark.parametrize("kind", [BertModel, BertForMaskedLM])
def test_a_bare_encoder_gets_mean_pooling(kind, tiny_model, tmp_path):
    base = fetch_base(bare(tiny_model, tmp_path / "bare", kind), tmp_path / "base", 32)
    assert Encoder.load(base).dimensions == 16


def test_a_model_in_the_cache_of_the_hub_is_fetched_by_its_name(tiny_model, tmp_path, monkeypatch):
    in_hub_cache(tiny_model, tmp_path / "hub", "owner/tiny")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    base = fetch_base("owner/tiny", tmp_path / "base", 32)
    assert fingerprint(base) == fingerprint(tiny_model, 32)
