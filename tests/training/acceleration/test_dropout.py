"""Dropout: the rates of the model, drawn faster."""

import json

import numpy as np
import pytest
import torch
from test_finetune import fit, settings
from torch import nn

from training.acceleration.dropout import ByteDropout, use_byte_dropout
from training.encoding.loading import load_model


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


def test_a_model_keeps_its_shares_and_its_embeddings(tiny_model):
    model = load_model(tiny_model, 32)
    shares = [part.p for part in model.modules() if isinstance(part, nn.Dropout)]
    before = model.encode(["where is my card"])
    use_byte_dropout(model)
    parts = [part for part in model.modules() if isinstance(part, nn.Dropout)]
    assert {type(part) for part in parts} == {ByteDropout}
    assert [part.p for part in parts] == shares
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
