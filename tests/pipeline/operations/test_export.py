"""Export: a plain folder that sentence-transformers reads, and nothing is overwritten."""

import numpy as np
import pytest

from pipeline.operations.export import export_version
from training.encoding.encoder import Encoder
from training.faults import DataFault


def test_the_exported_folder_gives_the_champions_vectors(opened, tmp_path):
    done = export_version(opened.versions, "champion", tmp_path / "out")
    assert done.version == 2
    text = ["where is my card"]
    exported = Encoder.load(tmp_path / "out").encode(text)
    champion = opened.encoders.load(
        opened.versions.folder(opened.versions.champion()).model
    ).encode(text)
    assert np.allclose(exported, champion, atol=1e-6)


def test_a_folder_with_something_in_it_is_refused(opened, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataFault, match="exists already"):
        export_version(opened.versions, "1", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"
