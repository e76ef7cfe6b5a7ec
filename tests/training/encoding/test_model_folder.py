"""The model folder: what is refused, and what its fingerprint depends on."""

import json
import shutil

import pytest

from training.encoding.encoder import Encoder
from training.encoding.model_folder import fingerprint
from training.faults import DataFault


@pytest.fixture
def copy(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "copy")


def test_the_fingerprint_follows_what_shapes_an_embedding(copy, tiny_model):
    known = fingerprint(tiny_model, 32)
    (copy / "README.md").write_text("a card")
    assert fingerprint(copy, 32) == known == Encoder.load(copy, max_length=32).fingerprint
    assert fingerprint(copy, 16) != known
    weights = copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert fingerprint(copy, 32) != known


def test_prompts_pooling_and_tokenizer_belong_to_the_fingerprint(copy, tiny_model):
    known = fingerprint(tiny_model, 32)
    for name, change in (
        ("config_sentence_transformers.json", {"prompts": {"query": "query: ", "document": ""}}),
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("tokenizer.json", {"normalizer": None}),
    ):
        file = copy / name
        before = file.read_text()
        file.write_text(json.dumps({**json.loads(before), **change}))
        assert fingerprint(copy, 32) != known, name
        file.write_text(before)
    assert fingerprint(copy, 32) == known


def test_library_versions_do_not_change_the_fingerprint(copy, tiny_model):
    file = copy / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "transformers_version": "99"}))
    assert fingerprint(copy) == fingerprint(tiny_model)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda f: (f / "pytorch_model.bin").write_bytes(b"x"),
            r"pytorch_model\.bin: pickled weights and code are refused",
        ),
        (lambda f: (f / "evil.py").write_text("raise SystemExit"), r"evil\.py"),
        (lambda f: (f / "model.safetensors").unlink(), r"holds no \.safetensors file"),
        (
            lambda f: (f / "modules.json").write_text('[{"type": "evil.Evil", "path": ""}]'),
            "module class 'evil.Evil'",
        ),
        (lambda f: (f / "modules.json").write_text("{"), r"modules\.json is not readable as JSON"),
        (lambda f: (f / "modules.json").unlink(), r"modules\.json is missing"),
        (
            lambda f: (f / "modules.json").write_text(
                '[{"type": "sentence_transformers.models.Pooling", "path": "../x"}]'
            ),
            "is outside the folder",
        ),
        (
            lambda f: (f / "config.json").write_text('{"auto_map": {"AutoModel": "evil.Evil"}}'),
            "auto_map",
        ),
        (lambda f: (f / "model.safetensors").write_bytes(b"short"), "cannot be loaded"),
    ],
)
def test_unsafe_or_broken_folders_are_refused(copy, spoil, message):
    spoil(copy)
    with pytest.raises(DataFault, match=message):
        Encoder.load(copy)
