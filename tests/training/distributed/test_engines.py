"""Engines: every task is done once, whatever becomes of the workers."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import engine_tasks
import psutil
import pytest
from engine_tasks import Squares

from training.distributed import Compute, Processes, Ray
from training.faults import EngineFault

PATHS = os.pathsep.join([str(Path(engine_tasks.__file__).parent), *filter(None, sys.path)])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Ray cluster on this machine, whose workers find the modules of the tests.

    Temporary files are in a folder as commands set it, whose path is too long for sockets.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("workspace" * 10)))
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(Path(engine_tasks.__file__).parent), *sys.path])
        )
        with closing(Ray(workers=2, cpus=0.5)) as engine:
            yield engine
            files = Path(engine._files)
            assert files.is_dir()
        assert not files.exists()


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def engine(request):
    if request.param == "ray":
        yield request.getfixturevalue("cluster")
        return
    with closing(Processes(2)) as engine:
        yield engine


def test_tasks_are_done_by_workers_that_are_kept_a_killed_one_replaced_and_faults_passed_on(
    engine, tmp_path
):
    work = Squares(str(tmp_path))
    assert sorted(engine.map(work, range(12))) == [(n, n * n) for n in range(12)]
    first = {each.name.split("-")[1] for each in tmp_path.iterdir()}
    assert sorted(engine.map(Squares(str(tmp_path)), [3, 4])) == [(0, 9), (1, 16)]
    assert {each.name.split("-")[-1] for each in tmp_path.iterdir()} == first
    assert str(os.getpid()) not in first

    assert sorted(engine.map(work, [5, -1, 6])) == [(0, 25), (1, 1), (2, 36)]

    with pytest.raises(ValueError, match="thirteen"):
        list(engine.map(work, [1, 13, 2]))
    assert list(engine.map(work, [])) == []
    assert list(engine.map(work, [7])) == [(0, 49)]


@pytest.mark.slow
def test_workers_that_are_lost_again_and_again_are_one_clear_fault(tmp_path):
    with closing(Processes(1, retries=1)) as engine:
        with pytest.raises(EngineFault, match=r"ended 2 times .* compute\.workers"):
            list(engine.map(Squares(str(tmp_path)), [-2]))
        assert list(engine.map(Squares(str(tmp_path)), [3])) == [(0, 9)]


def test_workers_end_with_the_process_that_began_them_however_it_ends(tmp_path):
    script = (
        "from engine_tasks import Squares; from training.distributed import Processes\n"
        "if __name__ == '__main__':\n"
        f"    engine = Processes(2); work = Squares({str(tmp_path)!r})\n"
        "    list(engine.map(work, range(10))); print('ready', flush=True); input()\n"
    )
    file = tmp_path / "driver.py"
    file.write_text(script, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(file)],
        env={**os.environ, "PYTHONPATH": PATHS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdout.readline() == "ready\n"
        workers = psutil.Process(driver.pid).children(recursive=True)
        assert workers
        driver.send_signal(signal.SIGKILL)
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive and len(gone) == len(workers)


@pytest.mark.slow
def test_a_cluster_that_does_its_work_writes_nothing_to_the_terminal(tmp_path):
    script = (
        "from contextlib import closing\n"
        "from engine_tasks import Squares; from training.distributed import Ray\n"
        "with closing(Ray(workers=1, cpus=0.5)) as engine:\n"
        f"    print(list(engine.map(Squares({str(tmp_path)!r}), [3])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": PATHS},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[(0, 9)]\n", "")


def test_the_settings_choose_the_engine():
    assert Compute().engine_of_tasks() is None
    assert isinstance(Compute(workers=2).engine_of_tasks(), Processes)
    assert isinstance(Compute(engine="ray").engine_of_tasks(), Ray)
    with pytest.raises(ValueError, match="workers"):
        Compute(workers=0)


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineFault, match=r"pip install 'anchorhold\[ray\]'"):
        list(Ray().map(Squares(str(tmp_path)), [1]))


def test_a_cluster_that_does_not_begin_is_one_clear_fault_and_leaves_no_files(
    monkeypatch, tmp_path
):
    def init(**_):
        raise ConnectionError("no node answered")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    fake = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setitem(sys.modules, "ray", fake)
    with pytest.raises(EngineFault, match="no Ray cluster at local: no node answered"):
        list(Ray().map(Squares(str(tmp_path)), [1]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_cluster_without_a_place_for_a_worker_is_one_clear_fault(tmp_path, cluster):
    list(cluster.map(Squares(str(tmp_path)), [1]))  # the cluster has begun
    began = time.monotonic()
    with (
        closing(Ray(gpus=64, patience=2)) as engine,
        pytest.raises(EngineFault, match="no place for a worker with 1 CPUs and 64 GPUs"),
    ):
        list(engine.map(Squares(str(tmp_path)), [1]))
    assert time.monotonic() - began < 120
