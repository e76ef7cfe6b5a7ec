import pytest
import torch

from training.encoding.model_folder import write_manifest
from training.faults import NonFiniteLoss
from training.finetuning.soundness import check_numbers, check_weights, newest_checkpoint


@pytest.mark.parametrize(("name", "value"), [("loss", float("nan")), ("grad_norm", float("inf"))])
def test_a_number_that_is_not_finite_is_named_with_its_step(name, value):
    with pytest.raises(NonFiniteLoss, match=f"{name} is {value} at step 7"):
        check_numbers({"loss": 1.0, "grad_norm": 1.0, name: value}, 7)
    check_numbers({"loss": 1.0}, 7)


def test_a_weight_that_is_not_finite_is_named():
    model = torch.nn.Linear(2, 2)
    check_weights(model, 3)
    model.bias.data[0] = float("nan")
    with pytest.raises(NonFiniteLoss, match="weight bias is not finite after step 3"):
        check_weights(model, 3)


def test_the_newest_complete_checkpoint_is_found_by_number(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "weights").write_text("x")
        if step != 100:
            write_manifest(tmp_path / f"checkpoint-{step}")
    assert newest_checkpoint(tmp_path).name == "checkpoint-10"
    assert not (tmp_path / "checkpoint-100").exists()
