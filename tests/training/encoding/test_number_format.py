"""Half precision: asked for, refused where it is emulated, and never mixed with float32."""

import numpy as np
import pytest
import torch

from training.distributed import device_for, devices
from training.encoding import Encoder, fingerprint, number_formats
from training.encoding.sharded import ShardWork
from training.faults import DataFault, EngineFault

TEXTS = [f"where is my card {n} " + "and the money " * (n % 9) for n in range(80)]
HALF = ["bfloat16", "float16"]

needs_bfloat16 = pytest.mark.skipif(
    "bfloat16" not in number_formats("cpu"), reason="this processor has no bfloat16 instructions"
)


@pytest.fixture
def capable(monkeypatch):
    """A processor that has bfloat16 instructions, as far as it is asked; others emulate them."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})


@pytest.mark.usefixtures("capable")
def test_vectors_in_half_precision_are_near_those_in_float32_and_of_the_same_kind(tiny_model):
    exact = Encoder.load(tiny_model, device="cpu").encode(TEXTS)
    half = Encoder.load(tiny_model, device="cpu", precision="bfloat16").encode(TEXTS)
    assert half.dtype == np.float32 and half.shape == exact.shape
    assert not np.array_equal(half, exact)
    # Pooled and normalised in float32: the length has no error of half precision.
    assert np.abs(np.linalg.norm(half, axis=1) - 1).max() < 1e-6
    assert np.einsum("rd,rd->r", half, exact).min() > 0.999


@pytest.mark.usefixtures("capable")
def test_each_number_format_is_a_space_and_a_cache_of_its_own(tiny_model, tmp_path):
    cache = tmp_path / "cache"
    exact = Encoder.load(tiny_model, device="cpu", cache=cache)
    half = Encoder.load(tiny_model, device="cpu", cache=cache, precision="bfloat16")
    assert exact.fingerprint == fingerprint(tiny_model)
    assert half.fingerprint == fingerprint(tiny_model, precision="bfloat16")
    assert len({fingerprint(tiny_model, precision=each) for each in ("float32", *HALF)}) == 3
    vectors = exact.encode(TEXTS)
    assert not any(half.known(TEXTS))
    half.encode(TEXTS)
    assert all(half.known(TEXTS))
    again = Encoder.load(tiny_model, device="cpu", cache=cache)
    assert np.array_equal(again.encode(TEXTS), vectors)


@pytest.mark.usefixtures("capable")
def test_workers_encode_in_the_number_format_of_the_command(tiny_model):
    half = Encoder.load(tiny_model, device="cpu", precision="bfloat16")
    there = {"device": "cpu", "precision": "bfloat16"}
    encode = ShardWork(str(tiny_model), None, half.fingerprint, **there)()
    assert encode.encoder.fingerprint == half.fingerprint
    with pytest.raises(EngineFault, match="a worker has a model of the fingerprint"):
        ShardWork(str(tiny_model), None, half.fingerprint, device="cpu")()


@pytest.mark.parametrize("precision", HALF)
def test_a_processor_that_would_emulate_it_is_refused(tiny_model, monkeypatch, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    with pytest.raises(DataFault, match=rf"precision is '{precision}', which cpu .*: float32$"):
        Encoder.load(tiny_model, device="cpu", precision=precision)


@pytest.mark.usefixtures("capable")
def test_no_processor_is_given_float16(tiny_model):
    with pytest.raises(DataFault, match=r"'float16', which cpu .*: float32, bfloat16$"):
        Encoder.load(tiny_model, device="cpu", precision="float16")


@pytest.mark.usefixtures("capable")
def test_a_model_without_a_transformer_has_only_float32(tmp_path):
    from odd_models import word_vectors

    folder = word_vectors(tmp_path / "static", 16)
    with pytest.raises(DataFault, match=r"has no transformer; allowed: float32"):
        Encoder.load(folder, device="cpu", precision="bfloat16")


@needs_bfloat16
@pytest.mark.slow
def test_the_real_model_keeps_its_rankings_in_half_precision(minilm):
    exact = Encoder.load(minilm, device="cpu", max_length=64)
    half = Encoder.load(minilm, device="cpu", max_length=64, precision="bfloat16")
    assert np.einsum("rd,rd->r", half.encode(TEXTS), exact.encode(TEXTS)).min() > 0.9995


@pytest.mark.accelerator
@pytest.mark.parametrize("precision", ["float32", *HALF])
def test_an_accelerator_gives_the_vectors_of_the_cpu_but_for_rounding(minilm, precision):
    device = device_for()
    if precision not in number_formats(device):
        pytest.skip(f"{device} does not compute in {precision}; it has {number_formats(device)}")
    there = Encoder.load(minilm, device=device, precision=precision)
    here = Encoder.load(minilm, device="cpu").encode(TEXTS)
    assert there.encode(TEXTS).dtype == np.float32
    nearest = np.einsum("rd,rd->r", there.encode(TEXTS), here).min()
    assert nearest > (0.99999 if precision == "float32" else 0.999)
    assert devices()[0] == device
