"""Publishing in another registry: one version there for each that served, and the alias follows."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from pipeline import Workspace

ROOT = Path(__file__).parent.parent
FILE = ROOT / "examples" / "publish_version.py"
PAGE = ROOT / "docs" / "how-to" / "run-on-databricks-and-spark.md"
NAME = "main.search.support"


@pytest.fixture
def other(tmp_path, empty_tracking_store):
    """Return the URI of a second MLflow."""
    shutil.copy(empty_tracking_store, tmp_path / "other.db")
    return f"sqlite:///{tmp_path / 'other.db'}"


@pytest.fixture
def publish(turned, other, tmp_path):
    """Return a function that publishes what serves, and returns what is said."""
    places = ["--tracking", other, "--registry", other, "--experiment", "/Shared/support"]

    def call():
        return subprocess.run(
            [sys.executable, FILE, turned, NAME, *places],
            # MLflow keeps the files of runs below the working folder.
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
            text=True, check=True,
        ).stdout  # fmt: skip

    return call


@pytest.mark.slow
def test_each_version_is_published_once_and_the_alias_follows_the_champion(publish, turned, other):
    assert "version 2 is version 1 of main.search.support" in publish()
    assert "version 2 is version 1" in publish(), "nothing new"
    with Workspace.open(turned) as workspace:
        workspace.rollback()
    assert "version 1 is version 2" in publish()
    with Workspace.open(turned) as workspace:
        workspace.promote(2, reason="it was right after all", force=True)
    assert "version 2 is version 1" in publish()
    client = MlflowClient(other, other)
    assert int(client.get_model_version_by_alias(NAME, "champion").version) == 1
    assert len(client.search_model_versions(f"name='{NAME}'")) == 2


@pytest.mark.slow
def test_what_is_published_gives_the_vectors_of_the_champion(publish, turned, other, tmp_path):
    from sentence_transformers import SentenceTransformer

    with warnings.catch_warnings():
        # MLflow warns of its own type hints when it is imported.
        warnings.simplefilter("ignore", UserWarning)
        from mlflow.models import Model
        from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore

    publish()
    client = MlflowClient(other, other)
    version = client.get_model_version_by_alias(NAME, "champion")
    client.download_artifacts(version.run_id, "model", str(tmp_path))
    # What Unity Catalog asks of a model before it takes it.
    UcModelRegistryStore._validate_model_signature(None, str(tmp_path / "model"))
    described = Model.load(str(tmp_path / "model"))
    assert (described.run_id, described.model_id) == (None, None)
    model = SentenceTransformer(str(tmp_path / "model" / "model.sentence_transformer"))
    with Workspace.open(turned) as workspace:
        expected = workspace.encoder("champion").encode(["where is my card"])
    np.testing.assert_allclose(model.encode(["where is my card"]), expected, atol=1e-6)


@pytest.mark.slow
def test_the_command_of_the_page_publishes_what_a_move_made_the_champion(turned, other, tmp_path):
    (block,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    table = tomllib.loads(block)["promotion"]
    here = {"python": sys.executable, "databricks": other, "databricks-uc": other}
    command = [here.get(word, word) for word in table["command"]]
    settings = turned / "anchorhold.toml"
    added = f"\n[promotion]\ncommand = {json.dumps(command)}\nseconds = {table['seconds']}\n"
    settings.write_text(settings.read_text() + added)
    shutil.copy(FILE, turned)
    subprocess.run(
        [sys.executable, "-m", "pipeline", "rollback", "--workspace", turned],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True,
    )  # fmt: skip
    client = MlflowClient(other, other)
    found = client.get_model_version_by_alias(NAME, "champion")
    assert found.tags["anchorhold_version"] == "1"
