"""The number format: chosen by measuring, kept once chosen, and kept within the layers."""

import torch

from training.acceleration import precision
from training.acceleration.precision import fastest_precision, settled_precision, stay_narrow
from training.encoding.loading import load_model


def test_a_training_that_is_continued_keeps_its_format(tmp_path, monkeypatch):
    note = tmp_path / "somewhere" / "precision"
    monkeypatch.setattr(precision, "fastest_precision", lambda: "bf16")
    assert settled_precision(note) == "bf16"
    monkeypatch.setattr(precision, "fastest_precision", lambda: "fp32")
    assert settled_precision(note) == "bf16"
    assert settled_precision(tmp_path / "another") == "fp32"


def test_bfloat16_is_taken_only_where_products_are_faster_in_it(monkeypatch):
    capable = {"avx512_bf16": True, "amx_bf16": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable)
    taken = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(precision, "_seconds", lambda left, _: taken[left.dtype])
    assert fastest_precision.__wrapped__() == "bf16"
    taken[torch.bfloat16] = 0.9
    assert fastest_precision.__wrapped__() == "fp32"
    taken[torch.bfloat16] = 0.1
    capable["avx512_bf16"] = False
    assert fastest_precision.__wrapped__() == "fp32"


def test_within_a_model_states_stay_in_the_format_of_autocast_and_leave_it_in_float32(tiny_model):
    model = load_model(tiny_model, 32).eval()
    expected = model(dict(model.preprocess(["my card"])))["sentence_embedding"]
    stay_narrow(model)
    layers, seen = model.transformers_model.encoder.layer, []
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    layers[-1].register_forward_hook(lambda _, __, made: seen.append(made.dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        narrow = model(dict(model.preprocess(["my card"])))["sentence_embedding"]
    assert seen == [torch.bfloat16, torch.bfloat16, torch.float32]
    assert torch.allclose(narrow, expected, atol=0.05)
    seen.clear()
    same = model(dict(model.preprocess(["my card"])))["sentence_embedding"]
    assert seen == [torch.float32] * 3
    assert torch.equal(same, expected)
