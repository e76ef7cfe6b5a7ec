import hashlib

import pytest
from safetensors.numpy import load_file

from training.faults import DataFault
from training.finetuning.finetune import FineTune
from training.pairs.mix import Mix
from training.pairs.pair import Pair

PAIRS = [Pair(str(i), f"where is my card {i}", f"the card {i} is gone") for i in range(40)]


class Killed(Exception):
    pass


def fit(tiny_model, place, worker, mix=None, kill_at=None):
    def on_step(step):
        if step == kill_at:
            raise Killed

    mix = mix or Mix().draw(PAIRS[:20], PAIRS[20:])
    return worker.fit(
        tiny_model,
        mix,
        output=place / "model",
        checkpoints=place / "checkpoints",
        max_length=32,
        on_step=on_step,
    ).folder


def weights(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def distance(folder, other):
    one, two = load_file(folder / "model.safetensors"), load_file(other / "model.safetensors")
    return sum(
        float(((one[key] - two[key]) ** 2).sum())
        for key in one
        if one[key].dtype == two[key].dtype == "float32"
    )


def worker(**settings):
    return FineTune(
        epochs=2, minimum_steps=0, batch_size=8, checkpoint_steps=2, learning_rate=1e-3, **settings
    )


@pytest.mark.parametrize("kind", ["fisher", pytest.param("equal", marks=pytest.mark.slow)])
def test_elastic_weights_stay_nearer_to_the_champion(tiny_model, tmp_path, kind):
    free = fit(tiny_model, tmp_path / "free", worker())
    held = fit(tiny_model, tmp_path / "held", worker(elastic=100.0, elastic_by=kind))
    assert 0 < distance(held, tiny_model) < distance(free, tiny_model)


def test_weights_that_are_held_infinitely_hard_do_not_move(tiny_model, tmp_path):
    held = fit(tiny_model, tmp_path, worker(elastic=1e9, elastic_by="equal"))
    assert distance(held, tiny_model) < 1e-12


@pytest.mark.parametrize(
    "held", [{"elastic": 50.0}, pytest.param({"frozen_layers": 1}, marks=pytest.mark.slow)]
)
def test_such_a_training_is_continued_exactly(tiny_model, tmp_path, held):
    held = worker(**held)
    whole = fit(tiny_model, tmp_path / "whole", held)
    with pytest.raises(Killed):
        fit(tiny_model, tmp_path / "parts", held, kill_at=7)
    assert weights(fit(tiny_model, tmp_path / "parts", held)) == weights(whole)


def test_without_old_pairs_all_weights_count_alike(tiny_model, tmp_path):
    fresh = Mix().draw(PAIRS, [])
    by_fisher = fit(tiny_model, tmp_path / "fisher", worker(elastic=5.0), fresh)
    alike = fit(tiny_model, tmp_path / "equal", worker(elastic=5.0, elastic_by="equal"), fresh)
    assert weights(by_fisher) == weights(alike)


def test_frozen_layers_and_embeddings_keep_their_weights(tiny_model, tmp_path):
    before = load_file(tiny_model / "model.safetensors")
    after = load_file(fit(tiny_model, tmp_path, worker(frozen_layers=1)) / "model.safetensors")
    moved = {key for key in before if (before[key] != after[key]).any()}
    assert moved
    assert not [key for key in moved if "layer.0." in key or "embeddings" in key]
    assert any("layer.1." in key for key in moved)


def test_freezing_every_layer_is_refused(tiny_model, tmp_path):
    with pytest.raises(DataFault, match="frozen_layers is 2"):
        fit(tiny_model, tmp_path, worker(frozen_layers=2))
