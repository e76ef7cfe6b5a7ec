"""A traced application, a server and one command: from what was asked and rated to a promotion."""

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import make_workspace
from made_corpus import documents, log_of
from made_streams import TRAVEL, write_lines

from pipeline.operations import Workspace

EXAMPLE = Path(__file__).parents[3] / "examples" / "traced_rag.py"

pytestmark = [
    pytest.mark.slow,
    # MLflow warns of its own functions when it first imports them.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred"),
]


@pytest.fixture
def server(tmp_path, empty_tracking_store):
    """Return the address of an MLflow server of its own on loopback."""
    shutil.copy(empty_tracking_store, tmp_path / "server.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--host", "127.0.0.1", "--backend-store-uri", f"sqlite:///{tmp_path}/server.db"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        for _ in range(240):
            with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def rag(server):
    """Return the example as a module that traces to the server."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server)
    mlflow.set_experiment("rag")
    spec = importlib.util.spec_from_file_location("traced_rag", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    mlflow.set_tracking_uri(before)


@pytest.fixture
def space(tmp_path, tiny_model, empty_tracking_store, server):
    """Return a workspace that knows banking, and reads documents and traces about travel."""
    space = make_workspace(tmp_path / "space", tiny_model, empty_tracking_store)
    file = space / "anchorhold.toml"
    log = f'log = ["mlflow:rag@{server}"]'
    text = file.read_text().replace("[data]", f'[data]\ncorpus = ["corpus/*.jsonl"]\n{log}')
    file.write_text(text + '[gate]\nproxies = "allow"\n')
    return space


def test_a_traced_application_leads_by_run_alone_to_a_promotion(space, rag, tiny_model):
    import mlflow
    from sentence_transformers import SentenceTransformer

    corpus = documents(TRAVEL, 400)
    of = {each.title.removeprefix("my "): each.id for each in corpus}
    with Workspace.open(space) as workspace:
        bootstrapped = workspace.run()
        assert bootstrapped.outcome == "bootstrapped"

        rows = [{"id": each.id, "title": each.title, "text": each.text} for each in corpus]
        write_lines(space / "corpus" / "travel.jsonl", rows)
        served = [{"id": each.id, "text": each.whole} for each in corpus]
        assistant = rag.Assistant(served, SentenceTransformer(str(tiny_model), device="cpu"))
        thumbs = []
        for number, line in enumerate(log_of(corpus)):
            user = f"u{number % 50}"
            assistant.answer(line.query, user)
            trace = mlflow.get_last_active_trace_id()
            near = assistant.vectors @ assistant.model.encode(line.query, normalize_embeddings=True)
            shown = [served[place]["id"] for place in (-near).argsort()[:10]]
            answer = of[line.query.removeprefix("where is ")]
            thumbs.append((trace, answer, True, user) if answer in shown else ())
        mlflow.flush_trace_async_logging()
        liked = [thumb for thumb in thumbs if thumb]
        for thumb in liked[:150]:
            rag.rate(*thumb)

        result = workspace.run()
        assert result.outcome == "promoted", result.verdict or result.decision
        log = result.intake.log
        assert (log.lines, log.texts, log.with_results, log.unknown_ids) == (400, 400, 400, 0)
        assert log.with_feedback == len(liked[:150]) > 0
        assert result.verdict.without_labels

        rag.rate(trace, shown[-1], False, user)
        log = workspace.run().intake.log
        assert (log.stored, log.amended) == (0, 1)
