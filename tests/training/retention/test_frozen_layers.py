"""Frozen layers: computed once, with the same training as if they ran at every step."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from training.acceleration.attention import use_own_attention
from training.acceleration.packing import Packing, filled
from training.encoding.loading import load_model
from training.finetuning.finetune import FineTune
from training.pairs.mix import Mix
from training.pairs.pair import Pair
from training.retention.frozen_layers import FrozenLayers

TEXTS = ["where is my card", "flight", "a hotel and a train to the bank"]
PAIRS = [Pair(str(i), f"where is my card {i}", f"the card {i} is gone") for i in range(24)]


@pytest.fixture
def model(tiny_model):
    return load_model(tiny_model, 32)


def embeddings(model, texts):
    return model(dict(model.preprocess(texts)))["sentence_embedding"]


@pytest.mark.parametrize("remembered", [[], TEXTS[:2], TEXTS])
def test_the_model_gives_the_same_embeddings_above_its_frozen_layers(model, remembered):
    before = embeddings(model, TEXTS).detach()
    frozen = FrozenLayers(model, 1)
    frozen.remember([[model.preprocess([text])] for text in remembered], mebibytes=16)
    with frozen.skipped():
        assert torch.allclose(embeddings(model, TEXTS), before, atol=1e-6)
        # Twice, because a pass must not leave anything behind for the next.
        assert torch.allclose(embeddings(model, TEXTS[::-1]), before.flip(0), atol=1e-6)
    assert torch.allclose(embeddings(model, TEXTS), before, atol=1e-6)


@pytest.mark.parametrize("remembered", [[], TEXTS])
def test_packed_texts_that_are_filled_up_start_above_the_frozen_layers_too(model, remembered):
    use_own_attention(model)
    before = embeddings(model, TEXTS).detach()
    packing = Packing.of(model, TEXTS)
    full = filled(packing.pack(model.preprocess(TEXTS)))
    assert full["input_ids"].shape[1] > model.preprocess(TEXTS)["attention_mask"].sum()
    frozen = FrozenLayers(model, 1, packing)
    frozen.remember([[model.preprocess([text])] for text in remembered], mebibytes=16)
    with packing.packed(model), frozen.skipped():
        assert torch.allclose(model(full)["sentence_embedding"], before, atol=1e-6)


def test_remembered_texts_do_not_run_through_the_frozen_layers(model):
    passed = []
    core = model.transformers_model
    core.encoder.layer[0].attention.register_forward_pre_hook(lambda *_: passed.append(1))
    frozen = FrozenLayers(model, 1)
    frozen.remember([[model.preprocess(TEXTS)]], mebibytes=16)
    passed.clear()
    with frozen.skipped():
        embeddings(model, TEXTS)
        assert not passed
        embeddings(model, ["menu"])
        assert passed


def test_frozen_layers_have_no_dropout_even_while_the_model_trains(model):
    model.train()
    frozen = FrozenLayers(model, 1)
    with frozen.skipped():
        states = [frozen._known(model.preprocess(TEXTS)) for _ in range(2)]
    assert torch.equal(*states)
    assert model.training


def test_activations_beyond_the_memory_are_computed_at_every_step_with_the_same_result(
    tiny_model, tmp_path
):
    mixture = Mix().draw(PAIRS[:12], PAIRS[12:])

    def trained(name, mebibytes):
        worker = FineTune(
            batch_size=8, frozen_layers=1, learning_rate=1e-3, activation_memory=mebibytes
        )
        place = tmp_path / name
        done = worker.fit(
            tiny_model, mixture, output=place, checkpoints=tmp_path / "c", max_length=32
        )
        return load_file(done.folder / "model.safetensors")

    kept, computed = trained("kept", 16), trained("computed", 0)
    assert all(np.allclose(kept[name], computed[name], atol=1e-4) for name in kept)
