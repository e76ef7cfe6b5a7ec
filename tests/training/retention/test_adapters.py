import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from test_finetune import fit, mixture, settings, undisturbed_and_killed, weights

from training.encoding.encoder import Encoder
from training.encoding.loading import load_model
from training.faults import DataFault
from training.retention.adapters import Adapters

ADAPTED = {"adapter_rank": 4, "checkpoint_steps": 2, "learning_rate": 1e-2}


@pytest.fixture
def peft():
    return pytest.importorskip("peft")


def test_adapters_learn_and_leave_a_plain_folder_of_merged_weights(tiny_model, tmp_path, peft):
    done = fit(tiny_model, tmp_path, settings(epochs=6, **ADAPTED))
    losses = [row["loss"] for row in done.log]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    before, after = (load_file(place / "model.safetensors") for place in (tiny_model, done.folder))
    assert {name: value.shape for name, value in after.items()} == {
        name: value.shape for name, value in before.items()
    }
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert "encoder.layer.0.attention.self.query.weight" in moved
    assert not [name for name in moved if "embeddings" in name or name.endswith("bias")]
    for name in moved:
        # What was added to a layer has the rank of its adapter.
        assert np.linalg.matrix_rank(after[name] - before[name], tol=1e-5) <= 4
    assert sorted(file.name for file in done.folder.iterdir()) == sorted(
        [*(file.name for file in tiny_model.iterdir()), "manifest.json"]
    )
    assert Encoder.load(done.folder, max_length=32).encode(["my card"]).shape == (1, 16)


def test_new_adapters_change_nothing_and_draw_no_random_number(tiny_model, peft):
    model = load_model(tiny_model, 32)
    before = model.encode(["where is my card"])
    state = torch.get_rng_state()
    adapters = Adapters(model, 4, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(model.encode(["where is my card"]), before)
    adapters.merge()
    np.testing.assert_array_equal(model.encode(["where is my card"]), before)
    assert all(weight.requires_grad for weight in model.parameters())


@pytest.mark.parametrize(
    "step", [1, pytest.param(5, marks=pytest.mark.slow), pytest.param(7, marks=pytest.mark.slow)]
)
def test_adapters_stopped_at_any_step_end_with_the_same_weights(tiny_model, tmp_path, peft, step):
    worker = settings(**ADAPTED, elastic=1.0, distillation=0.5)
    whole, parts, steps = undisturbed_and_killed(tiny_model, tmp_path, worker, step)
    assert weights(parts.folder) == weights(whole.folder)
    assert len(steps) < 10 or step < 3


def test_adapters_of_frozen_layers_stay_without_effect(tiny_model, tmp_path, peft):
    done = fit(tiny_model, tmp_path, settings(**ADAPTED, frozen_layers=1))
    before, after = (load_file(place / "model.safetensors") for place in (tiny_model, done.folder))
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("encoder.layer.1.") for name in moved)


@pytest.mark.slow
def test_adapters_learn_on_two_processes(tiny_model, tmp_path, peft):
    done = fit(tiny_model, tmp_path, settings(**ADAPTED, processes=2), mixture(37))
    assert done.steps == 10
    assert weights(done.folder) != weights(tiny_model)


def test_without_the_package_the_extra_is_named(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(DataFault, match=r"adapter_rank needs the package peft.*anchorhold\[lora\]"):
        fit(tiny_model, tmp_path, settings(**ADAPTED))


def test_a_model_without_a_transformer_takes_no_adapters(peft):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    model = SentenceTransformer(modules=[Normalize()], device="cpu")
    with pytest.raises(DataFault, match="has no transformer"):
        Adapters(model, 4, seed=0)
