"""Two cycles on two engines: processes of this machine, and a Ray cluster."""

from pathlib import Path

import pytest
import torch
from conftest import let_travel_arrive, make_workspace

from pipeline.demo.demo import FAST, lay_out
from pipeline.operations import Workspace
from training.encoding import encoder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# What a busy machine measures must not decide the number format.
TRAINED = """
[finetune]
processes = 2
precision = "fp32"
"""
COMPUTED = """
[compute]
engine = "{engine}"
workers = 2
cpus = {cpus}
"""


@pytest.fixture
def tiny(tmp_path, tiny_model, empty_tracking_store):
    """Return what makes a workspace of the tiny model, and what lets new pairs arrive in it."""

    def make(name):
        space = make_workspace(tmp_path / name, tiny_model, empty_tracking_store)
        return space, lambda: let_travel_arrive(space)

    return make


@pytest.fixture
def demo(tmp_path, minilm):
    """Return what makes the workspace of the labelled story, with the real model."""

    def make(name):
        stage = lay_out(tmp_path / name, FAST)
        stage.begin()
        return stage.workspace, stage.new_packages

    return make


@pytest.fixture(params=["tiny", "demo"])
def two_cycles(request, monkeypatch):
    """Return what runs the first cycle and one that trains on an engine."""
    # Workers get these few texts too, which one shard of the usual size would hold.
    monkeypatch.setattr(encoder, "_CHUNK", 64)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cpus = max(1, torch.get_num_threads() // 2)
    make = request.getfixturevalue(request.param)

    def run(engine):
        space, new_pairs_arrive = make(engine)
        settings = space / "anchorhold.toml"
        written = settings.read_text(encoding="utf-8").replace("\n[finetune]\n", TRAINED)
        computed = COMPUTED.format(engine=engine, cpus=cpus)
        settings.write_text(written + computed, encoding="utf-8")
        with Workspace.open(space) as workspace:
            assert workspace.run().outcome == "bootstrapped"
            new_pairs_arrive()
            result = workspace.run()
            with workspace._opened("look") as opened:
                versions = [opened.versions.named(number) for number in (1, 2)]
                folders = [opened.versions.folder(each) for each in versions]
                spaces = [each.facts().fingerprint for each in folders]
                return result, spaces, folders[1].scorecard().to_json()

    return run


@pytest.mark.filterwarnings("ignore:.use_.* is deprecated")
def test_a_cycle_on_ray_ends_with_the_fingerprint_the_scores_and_the_verdict_of_a_local_one(
    two_cycles,
):
    local, local_spaces, local_scores = two_cycles("local")
    there, spaces, scores = two_cycles("ray")
    assert local.outcome == there.outcome == "promoted"
    assert (local.computing.engine, there.computing.engine) == ("local", "ray")
    assert spaces == local_spaces and spaces[0] != spaces[1]
    assert scores == local_scores
    assert there.training.log == local.training.log
    assert there.verdict == local.verdict
