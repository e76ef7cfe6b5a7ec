"""The device: one rule for all models, and one sentence where a device is missing."""

import re

import pytest
import torch

from training.distributed import Compute, Processes, Ray, device_for, devices, kind_of
from training.encoding import load_model
from training.faults import DataFault


@pytest.fixture
def two_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("LOCAL_RANK", raising=False)


@pytest.fixture
def no_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_is_the_first_cuda_device_else_mps_else_the_cpu(monkeypatch, no_accelerator):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert (devices(), device_for()) == (("cpu",), "cpu")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert (devices(), device_for()) == (("mps", "cpu"), "mps")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert (devices(), device_for()) == (("cuda:0", "cuda:1", "mps", "cpu"), "cuda:0")
    assert [device_for(each) for each in ("cuda", "cuda:1", "mps", "cpu")] == [
        "cuda:0", "cuda:1", "mps", "cpu",
    ]  # fmt: skip


@pytest.mark.usefixtures("two_cuda")
@pytest.mark.parametrize("wanted", ["auto", "cuda", "cuda:0"])
def test_each_rank_of_a_machine_takes_the_device_of_its_number(monkeypatch, wanted):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert device_for(wanted) == "cuda:1"
    assert device_for("cpu") == "cpu"


@pytest.mark.usefixtures("no_accelerator")
@pytest.mark.parametrize("wanted", ["cuda", "cuda:3", "mps"])
def test_a_device_that_is_not_there_is_one_sentence_that_names_what_is(wanted, tiny_model):
    with pytest.raises(DataFault, match=r"no device (cuda:0|cuda:3|mps) .*; this machine has cpu$"):
        load_model(tiny_model, device=wanted)


def test_settings_take_known_devices_only():
    for device in ("auto", "cpu", "mps", "cuda", "cuda:12"):
        assert Compute(device=device).device == device
    for device in ("gpu", "cuda:", "cuda:x", "CPU", "cuda:1\n"):
        with pytest.raises(ValueError, match="device"):
            Compute(device=device)


def test_workers_of_this_machine_share_its_device_and_those_on_ray_follow_what_is_reserved():
    local = Compute(workers=2, device="cpu").engine_of_tasks()
    assert isinstance(local, Processes) and local.device == "cpu"
    assert Ray(gpus=0.5).device == "cuda" and Ray().device == "cpu"
    assert Compute(engine="ray", device="mps").engine_of_tasks().device == "cpu"


def test_what_only_other_machines_have_is_known_by_its_kind(no_accelerator):
    assert [kind_of(each) for each in ("cuda:1", "mps", "cpu", "auto")] == [
        "cuda", "mps", "cpu", "cpu",
    ]  # fmt: skip


def test_only_one_module_asks_torch_what_there_is():
    from pathlib import Path

    import training

    asks = re.compile(r"is_available\(\)|device_count\(|is_bf16_supported|get_device_name")
    top = Path(training.__file__).parent
    found = {
        str(file.relative_to(top))
        for file in top.rglob("*.py")
        if asks.search(file.read_text(encoding="utf-8"))
    }
    assert found == {"distributed/devices.py"}
