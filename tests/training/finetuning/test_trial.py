"""The trial of a base: one training step, so that what cannot be trained is found at once."""

import hashlib

import pytest
import torch
from odd_models import (
    changed,
    gpt2,
    roberta,
    routed,
    t5,
    with_dense,
    with_nan_for,
    with_prompts,
    with_static_queries,
    without_pooled_prompt,
)

from training.encoding.encoder import Encoder
from training.faults import DataFault, NoEmbedding
from training.finetuning.finetune import FineTune
from training.finetuning.trial import try_base
from training.pairs.pair import Pair

PAIRS = [Pair(str(i), f"where is my card {i}", f"the card {i} is gone") for i in range(9)]


def tried(folder, pairs=PAIRS, finetune=None, **more):
    return try_base(
        folder, pairs, finetune or FineTune(), name="the base", **{"max_length": 32, **more}
    )


def files(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


TRAINABLE = {
    "routes": routed,
    "static queries": with_static_queries,
    "dense": with_dense,
    "prompts": lambda tiny, at: with_prompts(tiny, at, {"query": "how ", "passage": "the "}),
    "prompt not pooled": without_pooled_prompt,
    "float16": lambda tiny, at: changed(tiny, at, lambda model: model.half()),
    "roberta": lambda _, at: roberta(at),
    "gpt2": lambda _, at: gpt2(at, padding=True),
    "t5": lambda _, at: t5(at),
}


@pytest.mark.parametrize("make", TRAINABLE.values(), ids=TRAINABLE)
def test_a_base_that_can_be_trained_passes_and_stays_as_it_is(make, tiny_model, tmp_path):
    folder = make(tiny_model, tmp_path / "base")
    before, beside = files(folder), sorted(each.name for each in tmp_path.iterdir())
    assert tried(folder) == ()
    assert files(folder) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == beside


@pytest.mark.parametrize("pairs", [[], PAIRS[:1], [PAIRS[0]] * 5], ids=["none", "one", "alike"])
def test_few_pairs_or_equal_ones_are_no_fault_of_the_base(pairs, tiny_model):
    assert tried(tiny_model, pairs) == ()


@pytest.mark.parametrize(
    "finetune",
    [
        FineTune(frozen_layers=1, processes=2),
        FineTune(distillation=20.0, false_negative_margin=0.1, elastic=10.0, mini_batch_size=3),
        FineTune(acceleration=False, maximum_steps=500, warmup=0.9),
    ],
    ids=["frozen", "held", "plain"],
)
def test_the_step_is_taken_as_the_training_is_set(finetune, tiny_model):
    assert tried(tiny_model, finetune=finetune) == ()


@pytest.mark.parametrize(
    ("finetune", "said"),
    [
        (FineTune(frozen_layers=2), "frozen_layers is 2; it must be below the model's 2 layers"),
        (FineTune(learning_rate=1e-300), "a training step leaves each weight as it was"),
    ],
)
def test_settings_with_which_nothing_can_learn_are_found_out(finetune, said, tiny_model):
    with pytest.raises(DataFault, match=said):
        tried(tiny_model, finetune=finetune)


@pytest.mark.parametrize("setting", ["frozen_layers", "adapter_rank"])
def test_what_knows_only_one_transformer_is_refused_with_routes(setting, tiny_model, tmp_path):
    folder = routed(tiny_model, tmp_path / "base")
    with pytest.raises(DataFault, match=f"finetune.{setting} must be 0"):
        tried(folder, finetune=FineTune(**{setting: 1}))


def more_tokens_than_rows(model):
    model.tokenizer.add_special_tokens({"pad_token": "[another]"})


def all_zero(model):
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()


BROKEN = {
    "tokens": (more_tokens_than_rows, "the base cannot be used as a base: index out of range"),
    "zeros": (all_zero, "the base gives only zeros"),
}


@pytest.mark.parametrize(("change", "said"), BROKEN.values(), ids=BROKEN)
def test_a_base_that_does_not_fit_together_is_refused_in_one_sentence(
    change, said, tiny_model, tmp_path
):
    folder = changed(tiny_model, tmp_path / "base", change)
    with pytest.raises(DataFault, match=said) as fault:
        tried(folder)
    assert "\n" not in str(fault.value)
    assert [each.name for each in tmp_path.iterdir()] == ["base"]


def test_a_text_of_full_length_is_tried(tiny_model, tmp_path):
    def forget_the_limit(model):
        model.transformers_model.config.max_position_embeddings = 512
        table = model.transformers_model.embeddings.position_embeddings
        table.weight.data[40:] = float("nan")

    folder = changed(tiny_model, tmp_path / "base", forget_the_limit)
    with pytest.raises(DataFault):
        tried(folder, max_length=64)


def test_a_word_without_embedding_is_named_if_the_pairs_have_it_and_noted_if_not(
    tiny_model, tmp_path
):
    folder = with_nan_for("menu", tiny_model, tmp_path / "base")
    (note,) = tried(folder)
    assert "word_embeddings.weight holds numbers that are not finite" in note
    with pytest.raises(NoEmbedding, match="the base gave NaN for 'where is the menu'"):
        tried(folder, [Pair("1", "where is the menu", "here"), *PAIRS])


def test_a_model_is_usable_after_its_trial(tiny_model):
    before = Encoder.load(tiny_model).encode(["a card"])
    tried(tiny_model)
    assert (Encoder.load(tiny_model).encode(["a card"]) == before).all()
