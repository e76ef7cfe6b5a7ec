"""Several strategies and seeds at once, on workers, end as one after another."""

import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
import torch
from conftest import let_travel_arrive, make_workspace

from pipeline.cycle.attempts import _at_once
from pipeline.cycle.journal import Journal
from pipeline.cycle.train_work import TrainTask
from pipeline.operations import Workspace
from pipeline.workspace import Encoders
from training.distributed import Processes, Ray
from training.finetuning import FineTune
from training.pairs import Mixture
from training.retention import Merge

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
TRIED = {"strategies": ["naive", "replay"], "seeds": [0, 1]}
NAMES = ["naive-seed-0", "naive-seed-1", "replay-seed-0", "replay-seed-1"]


def task(name, processes=1):
    mixture = Mixture((), (), "")
    return TrainTask(name, Path(name), mixture, FineTune(processes=processes), Merge())


def test_workers_train_if_there_are_several_trainings_of_one_process_each(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    here, two = Encoders(32, tmp_path), Processes(2)
    assert _at_once([task("a"), task("b")], two, here)
    assert not _at_once([], two, here)
    assert not _at_once([task("a")], two, here)
    assert not _at_once([task("a", 2), task("b", 2)], two, here), "their ranks are placed instead"
    assert not _at_once([task("a")], Ray(), here)
    assert _at_once([task("a")], Ray(gpus=1), here), "only workers have an accelerator"


@pytest.fixture
def tried(tmp_path, tiny_model, empty_tracking_store):
    """Return what tries the strategies and seeds in a workspace of a name, with more settings."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as workers have

    def run(name, compute=""):
        space = tmp_path / name
        if not space.exists():
            make_workspace(space, tiny_model, empty_tracking_store)
            settings = space / "anchorhold.toml"
            written = settings.read_text(encoding="utf-8")
            written = written.replace("[finetune]\n", '[finetune]\nprecision = "fp32"\n')
            settings.write_text(written + compute, encoding="utf-8")
            with Workspace.open(space, now=NOW) as opened:
                opened.run()
            let_travel_arrive(space)
        with Workspace.open(space, now=NOW) as opened:
            result = opened.run(**TRIED)
            with opened._opened("look") as inside:
                version = inside.versions.named(result.candidate.version)
                return result, inside.versions.folder(version).facts().fingerprint

    yield run
    torch.set_num_threads(threads)


@pytest.fixture
def one_after_another(tried):
    """Return what an undisturbed run without workers gives."""
    return tried("alone")


def facts(result):
    """Return what must not depend on where the trainings run."""
    return [
        (row.strategy, row.selection, row.pairs, row.chosen, row.fault)
        for row in result.training.attempts
    ]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_they_end_as_one_after_another_also_when_a_worker_is_killed(
    one_after_another, tried, tmp_path, monkeypatch, engine
):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
    killed = threading.Event()

    def kill_one():
        until = time.monotonic() + 300
        while time.monotonic() < until:
            if any(
                tmp_path.glob("there/.anchorhold/cycles/*/attempts/*/checkpoints/*/checkpoint-*")
            ):
                for child in psutil.Process().children(recursive=True):
                    command = " ".join(child.cmdline())
                    if "spawn_main" in command or "ray::_Actor.run" in command:
                        child.send_signal(signal.SIGKILL)
                        killed.set()
                        return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    result, fingerprint = tried("there", f'\n[compute]\nengine = "{engine}"\nworkers = 2\n')
    killer.join()
    assert killed.is_set()
    alone, fingerprint_alone = one_after_another
    assert [row.strategy for row in result.training.attempts] == NAMES
    assert facts(result) == facts(alone)
    assert fingerprint == fingerprint_alone
    assert result.outcome == alone.outcome
    assert result.computing.workers == 2


@pytest.mark.slow
def test_a_command_that_was_killed_goes_on_with_the_trainings_that_are_left(
    one_after_another, tried, monkeypatch
):
    keep, kept = Journal.keep, []

    def stop(journal, stage, result, seconds):
        done = keep(journal, stage, result, seconds)
        kept.append(stage)
        if stage.startswith("train/") and len([k for k in kept if k.startswith("train/")]) == 2:
            raise KeyboardInterrupt
        return done

    compute = "\n[compute]\nworkers = 2\n"
    monkeypatch.setattr(Journal, "keep", stop)
    with pytest.raises(KeyboardInterrupt):
        tried("there", compute)
    first = [stage for stage in kept if stage.startswith("train/")]
    monkeypatch.setattr(Journal, "keep", keep)
    again = []

    def note(journal, stage, result, seconds):
        again.append(stage)
        return keep(journal, stage, result, seconds)

    monkeypatch.setattr(Journal, "keep", note)
    result, fingerprint = tried("there", compute)
    alone, fingerprint_alone = one_after_another
    later = [stage for stage in again if stage.startswith("train/")]
    assert sorted(first + later) == sorted(f"train/{name}" for name in NAMES)
    assert facts(result) == facts(alone)
    assert fingerprint == fingerprint_alone
