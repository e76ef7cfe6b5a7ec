"""Loading: bases become plain folders, and what cannot be loaded is named."""

import pytest

from training.encoding.encoder import Encoder
from training.encoding.loading import fetch_base
from training.encoding.model_folder import fingerprint
from training.faults import DataFault


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataFault, match="no such model folder"):
        Encoder.load(tmp_path / "nothing")


def test_a_length_beyond_the_model_is_refused(tiny_model):
    with pytest.raises(DataFault, match=r"max_length is 65; .* allows 1 to 64"):
        Encoder.load(tiny_model, max_length=65)


def test_the_base_is_saved_as_a_plain_folder(tiny_model, tmp_path):
    folder = fetch_base(str(tiny_model), tmp_path / "base", 16)
    assert fingerprint(folder) == fingerprint(tiny_model, 16)
    assert not [f.name for f in folder.rglob("*") if f.suffix in {".bin", ".md", ".py"}]
    assert fetch_base("no longer needed", folder, 16) == folder
    assert [f.name for f in tmp_path.iterdir()] == ["base"]


@pytest.mark.parametrize("base", ["nobody/no-such-model", "./nowhere", "nowhere"])
def test_a_base_that_does_not_exist_is_named(base, tmp_path, monkeypatch):
    with pytest.raises(DataFault, match=r"model\.base '.*' is n"):
        fetch_base(base, tmp_path / "base", 16)
    assert list(tmp_path.iterdir()) == []
