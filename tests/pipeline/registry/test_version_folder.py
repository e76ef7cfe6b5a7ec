"""The folder of a version: whole or not there, and everything comes back as it went in."""

import json

import numpy as np
import pytest

from pipeline.registry.version_folder import Facts, VersionFolder
from pipeline.store import Traffic
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.scorecard import Scorecard, TaskScores
from training.faults import DataFault
from training.pairs.pair import Pair

FACTS = Facts("0002", 1, 42, "fingerprint", "tokenizer", 1.5e9)
MEMORY = [Pair("1", "a", "b", source="x", timestamp=2.0)]
REFERENCE = [Traffic("one", timestamp=1.0), Traffic("two", "7", "log", None, "visit", "ann")]
LEARNED = EvaluationSet("anchor/learned-0002", {"q": "a"}, {"d": "b"}, {"q": {"d": 1}})
CARD = Scorecard("fingerprint", {"new": TaskScores(("q",), {"ndcg_at_10": np.ones(1)}, "digest")})


def write(path, model):
    return VersionFolder.write(
        path,
        model=model,
        facts=FACTS,
        memory=MEMORY,
        reference=REFERENCE,
        probes=(["one"], np.ones((1, 4), dtype=np.float32) / 2),
        learned_anchors=[LEARNED],
        scorecard=CARD,
    )


@pytest.fixture
def model(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("numbers")
    return tmp_path / "model"


def test_everything_comes_back_as_it_went_in(tmp_path, model):
    folder = write(tmp_path / "version", model)
    assert folder.facts() == FACTS
    assert folder.memory() == MEMORY
    assert folder.reference() == REFERENCE
    assert folder.learned_anchors() == [LEARNED]
    assert folder.scorecard().to_json() == CARD.to_json()
    texts, vectors = folder.probes()
    assert texts == ("one",)
    assert np.array_equal(vectors, np.full((1, 4), 0.5, dtype=np.float32))
    assert (folder.model / "weights").read_text() == "numbers"


def test_writing_again_replaces_the_whole(tmp_path, model):
    write(tmp_path / "version", model)
    (tmp_path / "version" / "stray").write_text("left over")
    folder = write(tmp_path / "version", model)
    assert not (folder.path / "stray").exists()
    assert folder.facts() == FACTS


def test_what_is_half_written_is_never_at_the_final_place(tmp_path, model, monkeypatch):
    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(EvaluationSet, "save", fail)
    with pytest.raises(OSError, match="no space"):
        write(tmp_path / "version", model)
    assert not (tmp_path / "version").exists()


def test_a_missing_model_is_refused(tmp_path):
    with pytest.raises(DataFault, match="is missing"):
        write(tmp_path / "version", tmp_path / "nowhere")


def test_facts_that_only_a_newer_program_knows_are_refused_by_name(tmp_path, model):
    folder = write(tmp_path / "version", model)
    file = folder.path / "version.json"
    newer = {**json.loads(file.read_text(encoding="utf-8")), "adapter": "x"}
    file.write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(DataFault, match=r"says adapter, .* a newer one made the version"):
        folder.facts()
