"""Dropout: the model's own shares, drawn for less."""

import json

import numpy as np
import pytest
import torch
from test_finetune import fit, settings
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from training.dropout import ByteDropout, _byte_drawn_attention, draw_for_less
from training.encoder import load_model


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(40, 50, 101), (7,), (13, 15_001)])
def test_the_share_is_left_out_of_any_shape_and_the_mean_stays(share, shape):
    torch.manual_seed(0)
    states = ByteDropout(share)(torch.ones(shape))
    share = round(share * 256) / 256
    error = 5 * np.sqrt(share * (1 - share) / states.numel())
    assert float((states == 0).float().mean()) == pytest.approx(share, abs=error)
    assert float(states.mean()) == pytest.approx(1.0, abs=error / (1 - share))


def test_neighbours_are_drawn_independently():
    torch.manual_seed(1)
    kept = (ByteDropout(0.25)(torch.ones(1 << 17)) != 0).float().numpy()
    for apart in range(1, 17):
        correlation = np.corrcoef(kept[:-apart], kept[apart:])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(len(kept)), apart
    # Each of the eight bytes of a random number leaves out as many.
    places = kept.reshape(-1, 8).mean(axis=0)
    assert np.abs(places - 0.75).max() < 5 * np.sqrt(0.25 * 0.75 / (len(kept) / 8))


def test_the_gradient_passes_where_the_states_do():
    states = torch.ones(1000, requires_grad=True)
    dropped = ByteDropout(0.5)(states)
    dropped.sum().backward()
    assert torch.equal(states.grad, dropped)


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
def test_shares_that_a_byte_does_not_tell_apart_from_all_or_nothing_are_drawn_as_usual(share):
    torch.manual_seed(2)
    usual = nn.Dropout(share)(torch.ones(5000))
    torch.manual_seed(2)
    assert torch.equal(ByteDropout(share)(torch.ones(5000)), usual)


def attention(shape=(3, 2, 5, 4)):
    """Return a module whose attention looks both ways, and random query, key and value."""
    module = nn.Module()
    module.is_causal = False
    return module, *torch.randn(3, *shape)


MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 1, 0]]).bool()[:, None, None]


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
def test_attention_is_the_library_s_but_for_a_share_of_its_weights(mask):
    torch.manual_seed(3)
    given = attention()
    whole, _ = sdpa_attention_forward(*given, mask)
    # A share so small that nothing is left out shows our own arithmetic.
    ours, _ = _byte_drawn_attention(*given, mask, dropout=1e-9)
    assert torch.allclose(ours, whole, atol=1e-6)
    drawn = torch.stack([_byte_drawn_attention(*given, mask, dropout=0.25)[0] for _ in range(4000)])
    error = 5 * drawn.std(dim=0) / np.sqrt(len(drawn))
    assert bool(((drawn.mean(dim=0) - whole).abs() < error).all())


def test_attention_to_equal_keys_tells_how_many_of_them_are_kept():
    torch.manual_seed(4)
    module, _, _, ones = attention()
    zeros, ones = torch.zeros(500, 2, 5, 4), torch.ones(500, 2, 5, 4)
    attended, _ = _byte_drawn_attention(module, zeros, zeros, ones, None, dropout=0.25)
    kept = (attended * 5 * 0.75)[..., 0]
    assert torch.allclose(kept, kept.round(), atol=1e-4)
    assert float(kept.mean()) == pytest.approx(3.75, abs=5 * np.sqrt(5 * 0.1875 / kept.numel()))
    # Each query of each head has draws of its own.
    columns = kept.reshape(len(kept), -1).numpy()
    apart = np.abs(np.corrcoef(columns.T) - np.eye(columns.shape[1]))
    assert apart.max() < 5 / np.sqrt(len(kept))


@pytest.mark.parametrize(
    "more", [{"is_causal": True}, {"position_bias": torch.ones(1, 2, 5, 5)}], ids=["causal", "bias"]
)
def test_attention_of_another_kind_is_the_library_s(more):
    given = attention()
    torch.manual_seed(5)
    whole, _ = sdpa_attention_forward(*given, None, dropout=0.5, **more)
    torch.manual_seed(5)
    ours, _ = _byte_drawn_attention(*given, None, dropout=0.5, **more)
    assert torch.equal(ours, whole)


def test_a_model_keeps_its_shares_its_settings_and_its_embeddings(tiny_model):
    model = load_model(tiny_model, 32)
    shares = [part.p for part in model.modules() if isinstance(part, nn.Dropout)]
    config = model.transformers_model.config.to_dict()
    before = model.encode(["where is my card"])
    draw_for_less(model)
    parts = [part for part in model.modules() if isinstance(part, nn.Dropout)]
    assert {type(part) for part in parts} == {ByteDropout}
    assert [part.p for part in parts] == shares
    assert model.transformers_model.config.to_dict() == config
    np.testing.assert_array_equal(model.encode(["where is my card"]), before)
    model.train()
    twice = [model(dict(model.preprocess(["my card"])))["sentence_embedding"] for _ in range(2)]
    assert not torch.equal(*twice)


def test_the_saved_model_knows_nothing_of_how_it_was_trained(tiny_model, tmp_path):
    done = fit(tiny_model, tmp_path, settings())
    before, after = (
        json.loads((folder / "config.json").read_text()) for folder in (tiny_model, done.folder)
    )
    assert after == before
