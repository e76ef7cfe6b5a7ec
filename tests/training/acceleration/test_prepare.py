"""The one door: a prepared model trains like a plain one, and one switch turns all of it off."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file
from test_finetune import fit, mixture, settings

from training.acceleration import TRICKS, Prepared
from training.acceleration.packing import Packing
from training.acceleration.used_tokens import UsedTokens
from training.encoding.loading import load_model
from training.finetuning import finetune

WORKER = {"learning_rate": 1e-3, "precision": "fp32"}
TRICKS_ALONE = [[trick] for trick in sorted(TRICKS - {"packing"})] + [["attention", "packing"]]


@pytest.fixture(scope="module")
def without_dropout(tiny_model, tmp_path_factory):
    """Return a model without dropout: prepared models draw it from other random numbers."""
    folder = tmp_path_factory.mktemp("without") / "dropout"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config.update(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def learned(done):
    return load_file(done.folder / "model.safetensors")


@pytest.mark.parametrize(
    "tricks",
    [sorted(TRICKS), *(pytest.param(some, marks=pytest.mark.slow) for some in TRICKS_ALONE)],
    ids=" + ".join,
)
def test_a_prepared_model_trains_like_a_plain_one(without_dropout, tmp_path, monkeypatch, tricks):
    mix = mixture(negatives=True)
    plain = fit(without_dropout, tmp_path / "plain", settings(acceleration=False, **WORKER), mix)
    monkeypatch.setattr(finetune, "TRICKS", frozenset(tricks))
    done = fit(without_dropout, tmp_path / "prepared", settings(**WORKER), mix)
    before = load_file(without_dropout / "model.safetensors")
    expected, found = learned(plain), learned(done)
    assert max(np.abs(expected[name] - before[name]).max() for name in before) > 5e-3
    for name, weights in found.items():
        np.testing.assert_allclose(weights, expected[name], atol=1e-4, err_msg=name)
    for term in ("loss", "grad_norm"):
        np.testing.assert_allclose(
            [row[term] for row in done.log], [row[term] for row in plain.log], rtol=1e-3
        )


@pytest.mark.slow
def test_the_switch_turns_every_trick_on_or_off(tiny_model, tmp_path, monkeypatch):
    used = []
    for owner, name in ((Packing, "packed"), (UsedTokens, "give_back")):
        method = getattr(owner, name)
        counted = lambda *given, m=method, n=name: (used.append(n), m(*given))[1]  # noqa: E731
        monkeypatch.setattr(owner, name, counted)
    fit(tiny_model, tmp_path / "off", settings(acceleration=False))
    assert used == []
    fit(tiny_model, tmp_path / "on", settings())
    assert sorted(used) == ["give_back", "packed"]


@pytest.mark.slow
def test_a_training_with_and_one_without_acceleration_are_different_trainings(tiny_model, tmp_path):
    fit(tiny_model, tmp_path, settings())
    steps = []
    fit(tiny_model, tmp_path, settings(acceleration=False), on_step=steps.append)
    assert steps[0] == 1


def test_without_tricks_a_model_is_left_as_it_is(tiny_model):
    model = load_model(tiny_model, 32)
    parts = [type(part) for part in model.modules()]
    prepared = Prepared(model, ["my card"], ())
    with prepared.training(pytest.fail("read") for _ in range(1)):
        assert [type(part) for part in model.modules()] == parts
    assert prepared.packing is None
    assert model.transformers_model.config._attn_implementation == "sdpa"


def test_memory_is_kept_only_where_it_is_asked_for():
    # The pages of a large block that was freed are there again, or are requested anew.
    script = (
        "import resource, sys\n"
        "from training.acceleration import keep_freed_memory\n"
        "if sys.argv[1] == 'kept': keep_freed_memory()\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "bytearray(2**26).count(0); before = faults()\n"
        "for _ in range(8): bytearray(2**26)\n"
        "print(faults() - before)\n"
    )
    if sys.platform != "linux":
        pytest.skip("glibc's malloc is on Linux only")
    kept, usual = (
        int(subprocess.run([sys.executable, "-c", script, how], check=True, capture_output=True,
                           text=True).stdout)
        for how in ("kept", "usual")
    )  # fmt: skip
    assert kept < usual / 4
