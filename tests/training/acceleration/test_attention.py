"""Attention: the library's, with dropout of ours."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from training.acceleration.attention import attend, use_own_attention
from training.acceleration.packing import Layout
from training.encoding.loading import load_model


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
    ours, _ = attend(*given, mask, dropout=1e-9)
    assert torch.allclose(ours, whole, atol=1e-6)
    drawn = torch.stack([attend(*given, mask, dropout=0.25)[0] for _ in range(4000)])
    error = 5 * drawn.std(dim=0) / np.sqrt(len(drawn))
    assert bool(((drawn.mean(dim=0) - whole).abs() < error).all())


def test_attention_to_equal_keys_tells_how_many_of_them_are_kept():
    torch.manual_seed(4)
    module, _, _, ones = attention()
    zeros, ones = torch.zeros(500, 2, 5, 4), torch.ones(500, 2, 5, 4)
    attended, _ = attend(module, zeros, zeros, ones, None, dropout=0.25)
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
    ours, _ = attend(*given, None, dropout=0.5, **more)
    assert torch.equal(ours, whole)


def test_packed_texts_are_refused_where_attention_is_of_another_kind():
    given = attention((1, 2, 5, 4))
    for more in ({"is_causal": True}, {"sliding_window": 2}, {"softcap": 3.0}):
        with pytest.raises(ValueError, match="packed texts need the plain one"):
            attend(*given, None, packing=Layout.of([2, 3]), **more)


def test_a_model_keeps_its_settings_and_its_embeddings(tiny_model):
    model = load_model(tiny_model, 32)
    config = model.transformers_model.config.to_dict()
    before = model.encode(["where is my card"])
    assert use_own_attention(model)
    assert model.transformers_model.config.to_dict() == config
    np.testing.assert_array_equal(model.encode(["where is my card"]), before)


def test_attention_that_is_not_torch_s_own_stays(tiny_model):
    model = load_model(tiny_model, 32)
    model.transformers_model.set_attn_implementation("eager")
    assert not use_own_attention(model)
    assert model.transformers_model.config._attn_implementation == "eager"
