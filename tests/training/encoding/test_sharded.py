"""Sharded encoding: the same vectors, wherever they are made."""

import os
import signal
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from training.distributed import Processes, Ray
from training.encoding import encoder, seconds_per_text
from training.encoding.encoder import Encoder
from training.encoding.sharded import ShardWork
from training.faults import EngineFault, NoEmbedding

TEXTS = [f"number {n} of {n % 7} " + "and again " * (n % 11) for n in range(400)]


@pytest.fixture(scope="module")
def two():
    with closing(Processes(2)) as engine:
        yield engine


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(encoder, "_CHUNK", 64)


@pytest.fixture
def here(tiny_model):
    """Vectors of this process, with one thread as workers have."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Encoder.load(tiny_model).encode(TEXTS, kind="document")
    torch.set_num_threads(threads)


def test_processes_give_the_vectors_of_this_one_also_when_some_are_killed(
    tiny_model, tmp_path, here, two
):
    there = Encoder.load(tiny_model, cache=tmp_path / "cache", engine=two)

    def kill_one():
        for child in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
                return

    killer = threading.Timer(3.0, kill_one)
    killer.start()
    vectors = there.encode(TEXTS, kind="document")
    killer.cancel()
    assert np.array_equal(vectors, here)
    # What was encoded there is in the cache here.
    assert all(Encoder.load(tiny_model, cache=tmp_path / "cache").known(TEXTS, kind="document"))


@pytest.mark.slow
def test_a_cluster_gives_the_vectors_of_this_machine_without_its_files(tiny_model, here):
    with closing(Ray(workers=2, cpus=0.5)) as engine:
        there = Encoder.load(tiny_model, engine=engine)
        assert np.array_equal(there.encode(TEXTS, kind="document"), here)


def test_a_model_travels_with_its_files_and_another_one_is_refused(tiny_model, tmp_path):
    import pickle

    first = Encoder.load(tiny_model)
    work = ShardWork(str(tiny_model), None, first.fingerprint, travels=True)
    received = pickle.loads(pickle.dumps(work))
    assert received == work and received.files.keys() == {
        str(file.relative_to(tiny_model)) for file in Path(tiny_model).rglob("*") if file.is_file()
    }
    with pytest.raises(EngineFault, match="a worker has a model of the fingerprint"):
        ShardWork(str(tiny_model), None, "0" * 64)()


@pytest.mark.slow
def test_a_text_without_embedding_is_named_and_the_others_are_kept(tiny_model, tmp_path):
    from odd_models import with_nan_for

    folder = with_nan_for("menu", tiny_model, tmp_path / "odd")
    with closing(Processes(2)) as engine:
        there = Encoder.load(folder, cache=tmp_path / "cache", engine=engine)
        texts = [*(f"card {n}" for n in range(150)), "menu"]
        with pytest.raises(NoEmbedding, match="menu"):
            there.encode(texts)
        assert there.known(texts) == [True] * 150 + [False]


def test_the_speed_is_that_of_this_process_or_of_all_workers(tiny_model, two):
    each, timed = seconds_per_text(Encoder.load(tiny_model), TEXTS, kind="document")
    assert timed == len(TEXTS) and 0 < each < 1
    _, timed = seconds_per_text(Encoder.load(tiny_model), TEXTS, kind="document", budget=0.0)
    assert timed <= 32
    there = Encoder.load(tiny_model, engine=two)
    each, timed = seconds_per_text(there, TEXTS, kind="document")
    assert 200 < timed <= 2 * 8 * 32 and 0 < each < 1
