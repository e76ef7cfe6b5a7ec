"""The number format: chosen by measuring, and kept once chosen."""

import torch

from training.acceleration import precision
from training.acceleration.precision import fastest_precision, settled_precision


def test_a_training_that_is_continued_keeps_its_format(tmp_path, monkeypatch):
    note = tmp_path / "somewhere" / "precision"
    monkeypatch.setattr(precision, "fastest_precision", lambda device: "bf16")
    assert settled_precision(note) == "bf16"
    monkeypatch.setattr(precision, "fastest_precision", lambda device: "fp32")
    assert settled_precision(note) == "bf16"
    assert settled_precision(tmp_path / "another") == "fp32"


def test_bfloat16_is_taken_only_where_products_are_faster_in_it(monkeypatch):
    capable = {"avx512_bf16": True, "amx_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable)
    taken = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(precision, "_seconds", lambda left, _: taken[left.dtype])
    assert fastest_precision.__wrapped__() == "bf16"
    taken[torch.bfloat16] = 0.9
    assert fastest_precision.__wrapped__() == "fp32"
    taken[torch.bfloat16] = 0.1
    capable["avx512_bf16"] = False
    assert fastest_precision.__wrapped__() == "fp32"
