"""MLflow's own loaders read a version, and no text of the user is among the files they fetch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest

from pipeline.registry.mlflow_model import write_description

TEXTS = ["where is my card", "how do i book a hotel"]
pytestmark = [
    # MLflow's type hints; what it calls of other libraries.
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture
def uri(opened):
    """Let MLflow's global functions find the store of a workspace whose version 2 serves."""
    uri = opened.registry.client.tracking_uri
    mlflow.set_tracking_uri(uri)
    yield uri
    mlflow.set_tracking_uri(None)


@pytest.fixture
def source(opened, uri, tmp_path):
    """Return what a serving container downloads."""
    place = tmp_path / "container"
    mlflow.artifacts.download_artifacts("models:/tiny-search@champion", dst_path=str(place))
    return place


def our_vectors(opened):
    champion = opened.versions.folder(opened.versions.champion())
    return opened.encoders.load(champion.model).encode(TEXTS)


def test_mlflows_loaders_give_the_vectors_of_the_champion(opened, uri):
    ours = our_vectors(opened)
    native = mlflow.sentence_transformers.load_model("models:/tiny-search@champion")
    assert np.allclose(native.encode(TEXTS), ours, atol=1e-5)
    python = mlflow.pyfunc.load_model("models:/tiny-search/2")
    vectors = python.predict(TEXTS)
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, ours, atol=1e-5)
    assert python.metadata.signature.outputs.inputs[0].shape == (-1, 16)


def test_the_source_of_a_version_is_the_model_and_nothing_else(opened, source):
    files = {file.relative_to(source).as_posix() for file in source.rglob("*") if file.is_file()}
    champion = opened.versions.folder(opened.versions.champion())
    model = {
        f"model.sentence_transformer/{file.relative_to(champion.model).as_posix()}"
        for file in champion.model.rglob("*")
        if file.is_file()
    }
    # The last one is written by MLflow's own download.
    described = {"MLmodel", "requirements.txt", "python_env.yaml", "conda.yaml"}
    assert files - {"registered_model_meta"} == {*model, *described}
    requirements = (source / "requirements.txt").read_text(encoding="utf-8").split()
    assert f"mlflow=={mlflow.__version__}" in requirements
    assert all("==" in each and "+" not in each for each in requirements)


def test_no_text_of_the_user_is_in_the_source_of_a_version(opened, source):
    champion = opened.versions.folder(opened.versions.champion())
    texts = {each.query for each in champion.memory()}
    texts |= {each.positive for each in champion.memory()}
    texts |= {each.text for each in champion.reference()}
    texts |= {text for each in champion.learned_anchors() for text in each.queries.values()}
    assert len(texts) > 100
    for file in source.rglob("*"):
        if file.is_file():
            content = file.read_bytes().decode("utf-8", "replace")
            assert not [text for text in texts if text in content], file


def test_a_prompt_of_the_model_may_be_named_in_mlflow(tiny_model, tmp_path):
    from sentence_transformers import SentenceTransformer

    from training.encoding.loading import save_model

    model = SentenceTransformer(str(tiny_model), device="cpu")
    model.prompts = {"query": "find ", "document": ""}
    save_model(model, tmp_path / "model.sentence_transformer")
    write_description(
        tmp_path,
        tmp_path / "model.sentence_transformer",
        dimension=16,
        run="0" * 32,
        logged_model="m-0",
    )
    python = mlflow.pyfunc.load_model(str(tmp_path))
    plain, prompted = model.encode(TEXTS), model.encode(TEXTS, prompt_name="query")
    assert not np.allclose(plain, prompted, atol=1e-3)
    assert np.allclose(python.predict(TEXTS), plain, atol=1e-5)
    asked = python.predict(TEXTS, params={"prompt_name": "query"})
    assert np.allclose(asked, prompted, atol=1e-5)


@pytest.mark.slow
def test_mlflow_models_predict_gives_the_vectors_of_the_champion(opened, tmp_path):
    asked = tmp_path / "asked.json"
    asked.write_text(json.dumps({"inputs": TEXTS}), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "mlflow", "models", "predict", "--env-manager", "local"),
        *("--model-uri", "models:/tiny-search@champion", "--input-path", str(asked)),
        *("--output-path", str(tmp_path / "vectors.json")),
    ]
    known = {**os.environ, "MLFLOW_TRACKING_URI": opened.registry.client.tracking_uri}
    subprocess.run(command, env=known, check=True, timeout=300)
    answer = json.loads(Path(tmp_path, "vectors.json").read_text(encoding="utf-8"))
    assert np.allclose(answer["predictions"], our_vectors(opened), atol=1e-5)
