"""The demonstration: the real MiniLM on real text, from end to end."""

import json
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.cycle.check import Gathered, find
from pipeline.cycle.run import run_cycle
from pipeline.demo.demo import FAST, MARKER, Sizes, lay_out, run_demo
from pipeline.demo.docstrings import documentation_pairs
from pipeline.demo.without_labels import UnlabelledSizes
from pipeline.observation.observe import queries_as_traffic
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.faults import DataFault
from training.progress import no_progress

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = Sizes(
    history=60,
    reference=200,
    anchor_queries=30,
    window=60,
    new_pairs=0,
    poisoned_pairs=0,
    unlabelled=UnlabelledSizes(known=60, first_log=30, window=20, new=40, poisoned=20),
)


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
def test_the_real_model_tells_known_packages_from_new_ones(tmp_path):
    stage = lay_out(tmp_path / "demo", SMALL)
    stage.begin()
    with open_workspace(load_settings(tmp_path / "demo"), doing="run", now=NOW) as opened:
        assert run_cycle(opened, NOW).outcome == "bootstrapped"
        stage.quiet_week()
        quiet = run_cycle(opened, NOW)
        assert quiet.outcome == "quiet"
        assert quiet.decision.fired == []
        texts = queries_as_traffic(documentation_pairs(["transformers"], most=80))
        decision = find(opened, 1, Gathered(idle="", recent=texts), NOW)
        assert decision.train, decision.reasons


def test_without_labels_no_question_lies_beside_its_answer(tmp_path):
    stage = lay_out(tmp_path / "demo", SMALL).unlabelled
    stage.begin()
    stage.quiet_week()
    stage.new_packages()
    stage.misleading_log()
    load_settings(stage.workspace)
    answers = {
        row["id"]: row["text"]
        for path in sorted((stage.workspace / "corpus").glob("*.jsonl"))
        for row in map(json.loads, path.read_text().splitlines())
    }
    asked = [
        row
        for path in sorted((stage.workspace / "log").glob("*.jsonl"))
        for row in map(json.loads, path.read_text().splitlines())
    ]
    assert len(asked) == 30 + 20 + 40 + 20
    assert len(answers) == 60 + 40 + 20
    assert not any(row["query"] in text for row in asked for text in answers.values())
    clicked = [row for row in asked if "clicked" in row]
    assert len(clicked) == 20
    assert all(row["clicked"][0] in answers for row in clicked)


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "anchorhold.toml").write_text("[model]\n")
    with pytest.raises(DataFault, match="something other than a demonstration"):
        lay_out(tmp_path, SMALL)
    (tmp_path / "anchorhold.toml").write_text(f"# {MARKER}\n")
    lay_out(tmp_path, SMALL)


@pytest.mark.slow
@pytest.mark.usefixtures("minilm")
# MLflow's type hints; what it calls of other libraries.
@pytest.mark.filterwarnings("ignore::UserWarning:mlflow")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_story_ends_as_it_is_told_and_mlflow_loads_its_champion(tmp_path, monkeypatch):
    said = []
    stage = lay_out(tmp_path / "demo", FAST)
    told = run_demo(stage, progress=no_progress, say=said.append)
    outcomes = [cycle.outcome for cycle in told.cycles]
    assert outcomes == ["bootstrapped", "quiet", "promoted", "rejected"]
    assert [step.champion for step in told.story] == [1, 1, 2, 2, 1, 2]
    assert Path(told.report).parts[-2:] == ("0003", "report.html")
    assert Path(told.report).exists()
    assert len(said) >= 16
    keys = {"cycles", "story", "workspace", "report", "mlflow"}
    assert keys | {"without_labels"} == set(told.to_json())

    unlabelled = told.without_labels
    outcomes = [cycle.outcome for cycle in unlabelled.cycles]
    assert outcomes[:2] == ["bootstrapped", "quiet"]
    learned = unlabelled.cycles[2]
    assert learned.decision.train
    assert learned.verdict.without_labels
    assert {"consensus", "structure"} <= {each.kind for each in learned.lesson.derived.kinds}
    # Whether so few documents can show a gain is not foretold.
    assert outcomes[2] in ("promoted", "inconclusive")
    misled = unlabelled.cycles[3].lesson.derived
    clicks = next(each for each in misled.kinds if each.kind == "feedback")
    assert clicks.made > 100
    assert clicks.used == 0
    assert "feedback is left out" in unlabelled.story[3].why
    assert Path(unlabelled.report).exists()

    settings = load_settings(tmp_path / "demo")
    with open_workspace(settings, doing="status", now=NOW, exclusive=False) as opened:
        champion = opened.versions.folder(opened.versions.champion())
        texts = [each.query for each in champion.memory()[:8]]
        ours = opened.encoders.load(champion.model).encode(texts)
        uri, name = opened.registry.client.tracking_uri, opened.registry.name
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    native = mlflow.sentence_transformers.load_model(f"models:/{name}@champion")
    assert np.allclose(native.encode(texts), ours, atol=1e-4)
    python = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert np.allclose(python.predict(texts), ours, atol=1e-4)
