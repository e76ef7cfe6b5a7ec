import hashlib
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from odd_models import changed, routed, with_nan_for
from safetensors.numpy import load_file

from training.encoding.encoder import Encoder, fingerprint
from training.faults import DataFault, NoEmbedding, NonFiniteLoss
from training.finetuning.finetune import FineTune
from training.finetuning.losses import AnchoredContrastiveLoss
from training.pairs.mix import Mix
from training.pairs.pair import Pair

WORDS = ("card", "bank", "money", "account", "train", "flight", "hotel", "recipe", "salt", "menu")


def mixture(count=40, negatives=False):
    pairs = [
        Pair(
            str(i),
            f"where is my {WORDS[i % 10]} {i} canary",
            f"the {WORDS[i % 10]} {i} is gone",
            "salt is lost" if negatives and i % 2 else "",
        )
        for i in range(count)
    ]
    return Mix(minimum_pairs=2).draw(pairs[: count // 2], pairs[count // 2 :])


def weights(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def settings(**more):
    return FineTune(**{"epochs": 2, "minimum_steps": 0, "batch_size": 8, **more})


def fit(tiny_model, place, worker=None, mix=None, **more):
    worker = worker or settings(checkpoint_steps=2, learning_rate=1e-3)
    return worker.fit(
        tiny_model,
        mix or mixture(),
        output=place / "model",
        checkpoints=place / "checkpoints",
        max_length=32,
        **more,
    )


def test_training_lowers_the_loss_and_leaves_a_plain_folder(tiny_model, tmp_path):
    before = weights(tiny_model)
    done = fit(tiny_model, tmp_path, settings(epochs=8, learning_rate=3e-3))
    assert done.steps == 40 and done.pairs == 40 and done.precision in {"fp32", "bf16"}
    assert [row["step"] for row in done.log] == list(range(1, 41))
    assert np.mean([row["loss"] for row in done.log[-5:]]) < np.mean(
        [row["loss"] for row in done.log[:5]]
    )
    assert weights(tiny_model) == before != weights(done.folder)
    assert Encoder.load(done.folder, max_length=32).fingerprint == fingerprint(done.folder, 32)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["model"]


@pytest.mark.parametrize("begun_with", ["fp32", "bf16"])
def test_a_training_that_goes_on_keeps_the_number_format_it_began_with(
    begun_with, tiny_model, tmp_path
):
    note = tmp_path / "checkpoints" / "precision"
    note.parent.mkdir()
    note.write_text(begun_with)
    done = fit(tiny_model, tmp_path)
    assert done.precision == begun_with
    assert weights(fit(tiny_model, tmp_path).folder) == weights(done.folder)


def test_no_training_text_is_written(tiny_model, tmp_path):
    folder = fit(tiny_model, tmp_path).folder
    assert not [f for f in folder.rglob("*") if f.is_file() and b"canary" in f.read_bytes()]
    assert not [f.name for f in folder.rglob("*") if f.suffix in {".bin", ".md", ".pt"}]


def test_equal_arguments_give_equal_weights_and_a_finished_training_is_not_repeated(
    tiny_model, tmp_path
):
    one, two = fit(tiny_model, tmp_path / "one"), fit(tiny_model, tmp_path / "two")
    assert weights(one.folder) == weights(two.folder)
    steps = []
    assert fit(tiny_model, tmp_path / "one", on_step=steps.append) == one
    assert steps == []
    fit(tiny_model, tmp_path / "one", settings(seed=1), on_step=steps.append)
    assert steps and weights(one.folder) != weights(two.folder)


class Killed(Exception):
    pass


def killed_at(step):
    def on_step(number):
        if number == step:
            raise Killed

    return on_step


def undisturbed_and_killed(tiny_model, place, worker, step):
    """Return an undisturbed training, one killed and continued, and the latter's later steps."""
    whole = fit(tiny_model, place / "whole", worker)
    with pytest.raises(Killed):
        fit(tiny_model, place / "parts", worker, on_step=killed_at(step))
    steps = []
    return whole, fit(tiny_model, place / "parts", worker, on_step=steps.append), steps


@pytest.mark.parametrize(
    "step",
    [
        1,
        pytest.param(2, marks=pytest.mark.slow),
        pytest.param(5, marks=pytest.mark.slow),
        7,
        pytest.param(10, marks=pytest.mark.slow),
    ],
)
def test_a_training_stopped_at_any_step_ends_with_the_same_weights(tiny_model, tmp_path, step):
    worker = settings(
        batch_size=8,
        checkpoint_steps=2,
        learning_rate=1e-3,
        distillation=0.5,
        false_negative_margin=0.0,
    )
    whole, parts, steps = undisturbed_and_killed(tiny_model, tmp_path, worker, step)
    assert weights(parts.folder) == weights(whole.folder)
    assert (steps[0] <= step and steps[-1] == 10 and len(steps) < 10) or step < 3
    assert [row["loss"] for row in parts.log] == [row["loss"] for row in whole.log]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("truncate", marks=pytest.mark.slow),
        "flip",
        pytest.param("no manifest", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    tiny_model, tmp_path, damage, caplog
):
    whole = fit(tiny_model, tmp_path / "whole")
    with pytest.raises(Killed):
        fit(tiny_model, tmp_path / "parts", on_step=killed_at(7))
    newest = max(
        (tmp_path / "parts" / "checkpoints").rglob("checkpoint-*"),
        key=lambda f: int(f.name.split("-")[1]),
    )
    file = newest / ("manifest.json" if damage == "no manifest" else "optimizer.pt")
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "truncate":
        file.write_bytes(b"")
    else:
        file.unlink()
    steps = []
    parts = fit(tiny_model, tmp_path / "parts", on_step=steps.append)
    assert newest.name == "checkpoint-6" and steps[0] == 5
    assert "checkpoint-6 is incomplete or damaged" in caplog.text
    assert weights(parts.folder) == weights(whole.folder)


def test_a_killed_process_is_continued_by_the_next(tiny_model, tmp_path):
    script = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[3])\n"
        "from test_finetune import fit\n"
        "kill = lambda step: step == 5 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "fit(Path(sys.argv[1]), Path(sys.argv[2]), on_step=kill)\n"
    )
    here = Path(__file__).parent
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(here.parents[2]), str(here.parents[1])]),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    command = [sys.executable, "-c", script, str(tiny_model), str(tmp_path / "killed"), str(here)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    steps = []
    done = fit(tiny_model, tmp_path / "killed", on_step=steps.append)
    assert steps[0] == 5
    assert weights(done.folder) == weights(fit(tiny_model, tmp_path / "whole").folder)


def test_checkpoints_of_other_data_are_not_continued(tiny_model, tmp_path):
    with pytest.raises(Killed):
        fit(tiny_model, tmp_path, on_step=killed_at(7))
    steps = []
    fit(tiny_model, tmp_path, mix=mixture(48), on_step=steps.append)
    assert steps[0] == 1


@pytest.mark.parametrize("rate", [1.0])
def test_numbers_that_are_not_finite_stop_the_training(tiny_model, tmp_path, rate, monkeypatch):
    def explode(self, embeddings):
        return embeddings[0].sum() * (float("nan") if len(self.seen) == 3 else 1.0)

    monkeypatch.setattr(AnchoredContrastiveLoss, "seen", [], raising=False)
    monkeypatch.setattr(
        AnchoredContrastiveLoss,
        "_contrast",
        lambda self, e, *_: (self.seen.append(1), explode(self, e))[1],
    )
    with pytest.raises(NonFiniteLoss, match="loss is nan at step 3"):
        fit(tiny_model, tmp_path)
    assert not (tmp_path / "model").exists()


def test_progress_counts_every_step(tiny_model, tmp_path, capsys):
    seen = {}

    @contextmanager
    def progress(label, total):
        seen[label] = [total, 0]
        yield lambda done: seen[label].__setitem__(1, seen[label][1] + done)

    fit(tiny_model, tmp_path, progress=progress)
    assert seen["train"] == [10, 10]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("maximum", "steps"), [(3, 3), (1000, 10)])
def test_a_maximum_of_steps_ends_the_training_early_and_never_prolongs_it(
    tiny_model, tmp_path, maximum, steps
):
    assert fit(tiny_model, tmp_path, settings(maximum_steps=maximum)).steps == steps


@pytest.mark.parametrize(
    ("pairs", "minimum", "steps"), [(40, 12, 15), (40, 100, 20), (40, 5, 5), (16, 8, 8), (40, 0, 5)]
)
def test_a_small_mix_is_passed_over_again(tiny_model, tmp_path, pairs, minimum, steps):
    worker = settings(epochs=1, minimum_steps=minimum)
    assert fit(tiny_model, tmp_path, worker, mixture(pairs)).steps == steps


def test_hard_negatives_take_part_and_rows_may_lack_one(tiny_model, tmp_path):
    worker = settings(distillation=1.0, false_negative_margin=0.1)
    assert fit(tiny_model, tmp_path, worker, mixture(negatives=True)).steps == 10


def test_distillation_keeps_the_candidate_nearer_to_the_champion(tiny_model, tmp_path):
    texts = [pair.query for pair in mixture().pairs]
    base = Encoder.load(tiny_model).encode(texts)
    free, held = (
        Encoder.load(
            fit(
                tiny_model,
                tmp_path / str(weight),
                settings(epochs=5, learning_rate=1e-3, distillation=weight, distil="all"),
            ).folder
        ).encode(texts)
        for weight in (0.0, 20.0)
    )
    assert (held * base).sum(1).mean() > (free * base).sum(1).mean()


@pytest.mark.parametrize(("trained", "encoded_in"), [("fp32", "float32"), ("bf16", "bfloat16")])
def test_distillation_encodes_nothing_that_the_champions_cache_holds_in_its_format(
    trained, encoded_in, tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    mix, cache = mixture(), tmp_path / "cache"
    replayed = [pair for pair, old in zip(mix.pairs, mix.from_memory, strict=True) if old]
    champion = Encoder.load(tiny_model, max_length=32, cache=cache, precision=encoded_in)
    champion.encode([pair.query for pair in replayed])
    champion.encode([pair.positive for pair in replayed[1:]], kind="document")
    encoded = []
    forward = Encoder.forward
    monkeypatch.setattr(
        Encoder,
        "forward",
        lambda self, texts, **more: (encoded.extend(texts), forward(self, texts, **more))[1],
    )
    fit(tiny_model, tmp_path, settings(distillation=1.0, precision=trained), mix, cache=cache)
    assert encoded == [replayed[0].positive]


def test_mini_batches_learn_as_the_whole_batch_does(tiny_model, tmp_path):
    small = fit(tiny_model, tmp_path, settings(mini_batch_size=3, learning_rate=1e-3))
    losses = [row["loss"] for row in small.log]
    assert losses[-1] < losses[0]


def test_mini_batches_are_refused_for_static_embeddings(tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "card": 1}, unk_token="[UNK]"))
    static = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=4)])
    static.save(str(tmp_path / "static"), create_model_card=False)
    with pytest.raises(DataFault, match="mini_batch_size is 3"):
        fit(tmp_path / "static", tmp_path, settings(mini_batch_size=3))


def test_folders_may_be_given_as_texts(tiny_model, tmp_path):
    done = settings(maximum_steps=1).fit(
        str(tiny_model),
        mixture(),
        output=str(tmp_path / "model"),
        checkpoints=str(tmp_path / "checkpoints"),
        max_length=32,
        cache=str(tmp_path / "cache"),
    )
    assert done.folder == tmp_path / "model" and done.steps == 1


@pytest.mark.parametrize("mini_batch", [None, 5])
def test_each_side_of_a_model_with_routes_learns(mini_batch, tiny_model, tmp_path):
    folder = routed(tiny_model, tmp_path / "routed")
    worker = settings(distillation=1.0, elastic=0.1, mini_batch_size=mini_batch, maximum_steps=3)
    done = fit(folder, tmp_path / "run", worker, mixture(negatives=True))
    for side in ("query_0_Transformer", "document_0_Transformer"):
        before, after = (load_file(at / side / "model.safetensors") for at in (folder, done.folder))
        layers = [name for name in before if "layer" in name]
        assert layers and not any(np.array_equal(before[each], after[each]) for each in layers)


def test_a_training_with_routes_resumes_exactly(tiny_model, tmp_path):
    folder = routed(tiny_model, tmp_path / "routed")
    worker = settings(checkpoint_steps=2, learning_rate=1e-3)
    whole, parts, steps = undisturbed_and_killed(folder, tmp_path, worker, 5)
    assert fingerprint(parts.folder, 32) == fingerprint(whole.folder, 32) and steps[0] == 5


def test_half_precision_weights_learn_as_float32_ones(tiny_model, tmp_path):
    half = changed(tiny_model, tmp_path / "half", lambda model: model.half())
    worker = settings(learning_rate=1e-3, precision="fp32")
    ends = [
        fit(folder, tmp_path / name, worker).log[-1]["loss"]
        for name, folder in (("whole", tiny_model), ("from half", half))
    ]
    assert ends[0] == pytest.approx(ends[1], rel=0.05)
    learned = load_file(tmp_path / "from half" / "model" / "model.safetensors")
    assert {weight.dtype for weight in learned.values()} == {np.dtype(np.float32)}


def test_the_text_that_makes_a_loss_nan_is_named(tiny_model, tmp_path):
    folder = with_nan_for("menu", tiny_model, tmp_path / "nan")
    with pytest.raises(NoEmbedding, match=r"gave NaN for 'where is my menu \d+ canary' and 3"):
        fit(folder, tmp_path / "run", settings(distillation=0.0))
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("acceleration", [True, False])
def test_a_damaged_row_of_a_word_that_no_pair_has_does_no_harm(acceleration, tiny_model, tmp_path):
    folder = with_nan_for("cook", tiny_model, tmp_path / "nan")
    worker = settings(acceleration=acceleration, weight_decay=0.1, elastic=1.0)
    assert fit(folder, tmp_path / "run", worker).steps == 10
