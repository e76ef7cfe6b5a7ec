"""What a training leaves: whole and identified by its recipe, or not there."""

import pytest
import torch

from training.encoding.loading import load_model
from training.faults import NonFiniteLoss
from training.finetuning.trained import Training, check_weights, newest_checkpoint
from training.manifest import seal


def trained(folder):
    return Training(folder, 4, 1.5, ({"step": 1.0, "loss": 0.5},), "fp32", 24, held=6)


def test_what_was_saved_is_found_again_by_its_recipe(tiny_model, tmp_path):
    done = trained(tmp_path / "models" / "one")
    done.save(load_model(tiny_model, 32), "this one")
    assert Training.finished(done.folder, "this one") == Training.finished(done.folder) == done
    assert Training.finished(done.folder, "another") is None
    assert [path.name for path in done.folder.parent.iterdir()] == ["one"]


def test_a_folder_that_is_damaged_or_not_there_holds_no_training(tiny_model, tmp_path):
    done = trained(tmp_path / "one")
    assert Training.finished(done.folder) is None
    done.save(load_model(tiny_model, 32), "this one")
    weights = done.folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert Training.finished(done.folder, "this one") is None


def test_a_folder_is_replaced_as_a_whole(tiny_model, tmp_path):
    done = trained(tmp_path / "one")
    done.folder.mkdir()
    (done.folder / "left over").write_text("of before")
    done.save(load_model(tiny_model, 32), "this one")
    assert not (done.folder / "left over").exists()
    assert Training.finished(done.folder, "this one") == done


def test_a_weight_that_is_not_finite_is_named():
    model = torch.nn.Linear(2, 2)
    check_weights(model, 3)
    model.bias.data[0] = float("nan")
    with pytest.raises(NonFiniteLoss, match="weight bias is not finite after step 3"):
        check_weights(model, 3)


def test_the_newest_whole_checkpoint_is_found_by_number(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "weights").write_text("x")
        if step != 100:
            seal(tmp_path / f"checkpoint-{step}")
    assert newest_checkpoint(tmp_path).name == "checkpoint-10"
    assert not (tmp_path / "checkpoint-100").exists()
