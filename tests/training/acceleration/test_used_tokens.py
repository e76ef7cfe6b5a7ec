"""Used tokens: the rows that occur learn as they would in the whole table, the others stay."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from test_finetune import fit, settings
from torch import nn

from training.acceleration.used_tokens import UsedTokens
from training.encoding.loading import load_model

TABLE = "embeddings.word_embeddings.weight"


@pytest.mark.slow
def test_the_rows_of_tokens_that_occur_learn_what_they_learn_in_the_whole_table(
    tiny_model, tmp_path, monkeypatch
):
    worker = settings(learning_rate=1e-3, precision="fp32")
    few = load_file(fit(tiny_model, tmp_path / "few", worker).folder / "model.safetensors")
    monkeypatch.setattr(UsedTokens, "replace", lambda *_: None)
    whole = load_file(fit(tiny_model, tmp_path / "whole", worker).folder / "model.safetensors")
    before = load_file(tiny_model / "model.safetensors")
    assert few.keys() == whole.keys()
    for name, weights in few.items():
        np.testing.assert_allclose(weights, whole[name], atol=1e-6)
    moved = (few[TABLE] != before[TABLE]).any(axis=1)
    assert np.array_equal(moved, (whole[TABLE] != before[TABLE]).any(axis=1))
    assert 0 < moved.sum() < len(moved) - 3


def test_a_model_gives_the_same_embeddings_before_while_and_after_its_table_is_replaced(tiny_model):
    model = load_model(tiny_model, 32)
    texts = ["where is my card", "a flight"]
    table = model.transformers_model.get_input_embeddings()
    before = model.encode(texts)
    used = UsedTokens.replace(model, [[model.preprocess(texts)]])
    assert table not in set(model.modules())
    assert len(used.weight) < table.num_embeddings
    np.testing.assert_array_equal(model.encode(texts), before)
    with pytest.raises(IndexError):
        model.encode(["hotel"])
    used.give_back(model)
    assert model.transformers_model.get_input_embeddings() is table
    np.testing.assert_array_equal(model.encode(texts), before)


def test_an_embedding_of_the_padding_token_does_not_learn():
    table = nn.Embedding(6, 2, padding_idx=3)
    used = UsedTokens(table, torch.tensor([1, 3, 5]))
    used(torch.tensor([[5, 3, 3], [1, 5, 3]])).sum().backward()
    assert used.weight.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


def test_a_table_that_does_not_learn_is_left_in_place(tiny_model):
    model = load_model(tiny_model, 32)
    model.requires_grad_(False)
    assert UsedTokens.replace(model, []) is None


def test_a_checkpoint_holds_only_the_rows_that_occur(tiny_model, tmp_path):
    held = []

    def look(step):
        for file in (tmp_path / "checkpoints").rglob("model.safetensors"):
            (name,) = [name for name in load_file(file) if name.endswith(TABLE)]
            held.append(len(load_file(file)[name]))

    done = fit(tiny_model, tmp_path, on_step=look)
    rows = [
        len(load_file(folder / "model.safetensors")[TABLE]) for folder in (done.folder, tiny_model)
    ]
    assert held and max(held) < rows[0] == rows[1]
