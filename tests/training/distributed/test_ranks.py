import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from odd_models import with_nan_for
from safetensors.numpy import load_file, save_file
from test_finetune import fit, mixture, settings, weights

from training.distributed import Ray
from training.distributed.ranks import whole_batch
from training.faults import DataFault, NoEmbedding
from training.finetuning.batches import LengthBatches
from training.finetuning.finetune import FineTune
from training.finetuning.job import Job

ROOT = Path(__file__).parents[3]
TWO = {
    "processes": 2, "epochs": 8, "checkpoint_steps": 2, "learning_rate": 1e-3, "precision": "fp32"
}  # fmt: skip


def ranks_of(folder):
    """Return the processes of a training, by the folder that their command line names."""
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if f"training.finetuning.worker\0{folder}".encode() in commanded(process)
        and b"torch.distributed.run" not in commanded(process)
    ]


def commanded(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def python(*words, threads=None):
    """Return a command and environment that run Python on the code under test.

    Sums are rounded otherwise on another number of threads.
    """
    threads = threads or torch.get_num_threads()
    here = Path(__file__).parent
    paths = os.pathsep.join(map(str, [ROOT, ROOT / "tests", here, here.with_name("finetuning")]))
    return {
        "args": [sys.executable, *map(str, words)],
        "env": {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": str(threads)},
        "check": False,
    }


@pytest.fixture(scope="module")
def without_dropout(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("without") / "dropout"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "config.json").read_text())
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps({**config, **still}))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tiny_model, tmp_path_factory):
    return fit(tiny_model, tmp_path_factory.mktemp("undisturbed"), settings(**TWO))


def test_each_batch_is_cut_into_parts_that_follow_each_other():
    lengths = [5 * (row % 7) for row in range(37)]
    whole, parts = (LengthBatches(range(37), lengths, 8, 3, count) for count in (1, 2))
    whole.set_epoch(1)
    parts.set_epoch(1)
    cut = list(parts)
    assert len(parts) == len(cut) == 2 * len(whole)
    assert [a + b for a, b in zip(cut[::2], cut[1::2], strict=True)] == list(whole)
    assert {len(a) - len(b) for a, b in zip(cut[::2], cut[1::2], strict=True)} == {0, 1}


def test_one_process_has_the_whole_batch_already():
    columns, labels = [torch.ones(3, 2), torch.zeros(3, 2)], torch.arange(3)
    gathered, rows = whole_batch(torch.nn.Identity(), columns, labels)
    assert all(now is before for now, before in zip(gathered, columns, strict=True))
    assert rows is labels


def test_batches_that_cannot_be_shared_are_refused(tiny_model, tmp_path):
    with pytest.raises(ValueError, match="batch_size is 8, not a multiple of the 3 processes"):
        FineTune(batch_size=8, processes=3)
    with pytest.raises(DataFault, match="processes is 4; allowed are at most 2"):
        fit(tiny_model, tmp_path, settings(processes=4), mixture(3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [{}, {"elastic": 1.0, "frozen_layers": 1}, {"mini_batch_size": 3}, {"dimensions": (9, 4)}],
    ids=str,
)
def test_two_processes_learn_what_one_learns(without_dropout, tmp_path, more):
    # 37 pairs make batches of 7 and 8, whose parts differ in length.
    pairs = mixture(37, negatives=True)
    more = {"distillation": 0.5, "false_negative_margin": 0.0, "learning_rate": 1e-3, **more}
    shown = {1: [], 2: []}

    def progress_of(processes):
        @contextmanager
        def progress(label, total):
            shown[processes].append([label, total, 0])
            yield lambda done: shown[processes][-1].__setitem__(2, shown[processes][-1][2] + done)

        return progress

    one, two = (
        fit(
            without_dropout,
            tmp_path / str(processes),
            settings(processes=processes, precision="fp32", **more),
            pairs,
            progress=progress_of(processes),
        )
        for processes in (1, 2)
    )
    assert shown[2] == shown[1] and shown[1][-1] == ["train", 10, 10]
    assert two.steps == one.steps == 10
    # In mini-batches the terms are not told apart.
    terms = [] if "mini_batch_size" in more else ["contrastive", "distillation"]
    for term in ("loss", "grad_norm", *terms):
        np.testing.assert_allclose(
            [row[term] for row in two.log], [row[term] for row in one.log], rtol=1e-4
        )
    before, alone, together = (
        load_file(folder / "model.safetensors")
        for folder in (without_dropout, one.folder, two.folder)
    )
    moved = max(np.abs(alone[name] - before[name]).max() for name in alone)
    apart = max(np.abs(alone[name] - together[name]).max() for name in alone)
    assert moved > 1e-3 and apart < moved / 100


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the processes in /proc")
@pytest.mark.parametrize("victim", ["parent", "rank"])
def test_a_killed_training_of_two_processes_is_continued_exactly(
    tiny_model, tmp_path, undisturbed, victim
):
    # Step 8 lies within the second pass over the mix, beyond its first checkpoint. The ranks do not
    # wait for their parent: they may be some steps ahead when the kill meets them.
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from test_finetune import fit, settings; from test_ranks import TWO, ranks_of\n"
        "place, victim = Path(sys.argv[2]), sys.argv[3]\n"
        "def kill(step):\n"
        "    if step == 8:\n"
        "        ranks = ranks_of(place / 'checkpoints' / 'ranks')\n"
        "        assert len(ranks) == 2\n"
        "        os.kill(os.getpid() if victim == 'parent' else ranks[1], signal.SIGKILL)\n"
        "fit(Path(sys.argv[1]), place, settings(**TWO), on_step=kill)\n"
    )
    killed = subprocess.run(
        **python("-c", script, tiny_model, tmp_path, victim), capture_output=True, text=True
    )
    if victim == "parent":
        assert killed.returncode == -signal.SIGKILL
    else:
        assert "RuntimeError: the processes of the training ended early" in killed.stderr
    until = time.monotonic() + 20
    while (alive := ranks_of(tmp_path / "checkpoints" / "ranks")) and time.monotonic() < until:
        time.sleep(0.1)
    assert alive == []
    steps = []
    done = fit(tiny_model, tmp_path, settings(**TWO), on_step=steps.append)
    assert 6 < steps[0] < 40 and steps[-1] == 40
    assert weights(done.folder) == weights(undisturbed.folder)
    assert [row["loss"] for row in done.log] == [row["loss"] for row in undisturbed.log]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_under_torchrun_each_process_trains_as_one_rank(tiny_model, tmp_path, undisturbed):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path; from test_finetune import fit, settings\n"
        "from test_ranks import TWO\n"
        "fit(Path(sys.argv[1]), Path(sys.argv[2]), settings(**{**TWO, 'processes': 1}))\n"
    )
    threads = max(1, torch.get_num_threads() // 2)  # as `fit` shares them out
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    ran = subprocess.run(**python(*launcher, script, tiny_model, tmp_path, threads=threads))
    assert ran.returncode == 0
    assert weights(tmp_path / "model") == weights(undisturbed.folder)
    steps = []
    assert fit(tiny_model, tmp_path, settings(**TWO), on_step=steps.append).steps == 40
    assert steps == []


@pytest.mark.slow
def test_what_a_rank_raises_is_raised_and_nothing_else_is_said(tiny_model, tmp_path, capfd):
    with pytest.raises(DataFault, match="frozen_layers is 9"):
        fit(tiny_model, tmp_path, settings(processes=2, frozen_layers=9))
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    tensors = load_file(broken / "model.safetensors")
    tensors["embeddings.LayerNorm.weight"][:] = np.nan
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(NoEmbedding, match="broken gave NaN for"):
        fit(broken, tmp_path, settings(processes=2))
    assert not (tmp_path / "model").exists()
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def cluster(monkeypatch):
    here = Path(__file__).parent
    paths = [ROOT, ROOT / "tests", here, here.with_name("finetuning")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
    with closing(Ray(workers=2, cpus=max(1, torch.get_num_threads() // 2))) as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.use_.* is deprecated")
def test_ranks_that_ray_places_end_with_the_weights_of_those_of_this_machine(
    tiny_model, tmp_path, undisturbed, cluster
):
    job = Job(tiny_model, mixture(), tmp_path / "model", tmp_path / "checkpoints", 32, None)
    steps = []
    done = settings(**TWO).train(job, on_step=steps.append, launcher=cluster.launch)
    assert weights(done.folder) == weights(undisturbed.folder)
    assert done.log == undisturbed.log
    assert steps == list(range(1, done.steps + 1))
    assert not job.checkpoints.exists()
    nan = replace(job, base=with_nan_for("menu", tiny_model, tmp_path / "nan"))
    with pytest.raises(NoEmbedding, match="menu"):
        settings(**TWO).train(replace(nan, output=tmp_path / "x"), launcher=cluster.launch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.use_.* is deprecated")
def test_ranks_that_were_killed_on_a_cluster_go_on_from_the_last_checkpoint(
    tiny_model, tmp_path, undisturbed, cluster
):
    job = Job(tiny_model, mixture(), tmp_path / "model", tmp_path / "checkpoints", 32, None)
    steps = []

    def kill_one(step):
        steps.append(step)
        if step == 5 and steps.count(5) == 1:
            found = [
                each
                for each in psutil.process_iter(["cmdline"])
                if "RayTrainWorker" in " ".join(each.info["cmdline"] or [])
            ]
            found[0].kill()

    done = settings(**TWO).train(job, on_step=kill_one, launcher=cluster.launch)
    assert weights(done.folder) == weights(undisturbed.folder)
    assert len(steps) > done.steps and max(steps) == done.steps
