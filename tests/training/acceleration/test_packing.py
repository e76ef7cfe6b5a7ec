"""Packing: what goes through the model without padding gives what it gives with it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from training.acceleration.attention import use_own_attention
from training.acceleration.packing import Layout, Packing, filled, filled_length, text_parts
from training.encoding.loading import load_model
from training.finetuning import FineTune
from training.pairs import Mix, Pair
from training.progress import quiet

TEXTS = ["where is my card", "flight", "a hotel and a train to the bank", "pay the money"]


@pytest.fixture
def model(tiny_model):
    model = load_model(tiny_model, 32).eval()
    use_own_attention(model)
    return model


def embeddings(model, features):
    return model(dict(features))["sentence_embedding"]


@given(some.lists(some.integers(1, 600), min_size=1, max_size=40), some.integers(1, 3))
def test_what_is_padded_and_packed_again_is_what_it_was(lengths, heads):
    layout = Layout.of(lengths)
    tokens = torch.arange(sum(lengths) * heads * 2.0).view(-1, heads, 2)
    groups = list(layout.padded([tokens, tokens + 1, tokens + 2]))
    assert sum(len(query) for query, *_ in groups) == len(lengths)
    assert torch.equal(layout.packed([query for query, *_ in groups]), tokens)
    for query, key, value, mask in groups:
        assert torch.equal(key, torch.where(_there(mask, query), query + 1, 0))
        assert torch.equal(value, torch.where(_there(mask, query), query + 2, 0))
    held = sorted(int(n) for *_, mask in groups if mask is not None for n in mask.sum(dim=-1))
    full = [tokens for (texts, tokens), mask in zip(layout.groups, layout.masks, strict=True)
            for _ in range(texts) if mask is None]  # fmt: skip
    assert sorted([*held, *full]) == sorted(lengths)


def _there(mask, query):
    """Return where a group has tokens, shaped as its query."""
    everywhere = torch.ones_like(query, dtype=torch.bool)
    return everywhere if mask is None else everywhere & mask.transpose(2, 3)


def test_long_texts_do_not_make_short_ones_pay_for_them():
    layout = Layout.of([12] * 32 + [500] * 4 + [11])
    assert layout.groups == ((4, 500), (33, 12))


def test_a_model_makes_the_same_of_packed_texts(model):
    packing = Packing.of(model, TEXTS)
    features = model.preprocess(TEXTS)
    packed = packing.pack(features)
    assert packed["input_ids"].shape == (1, int(features["attention_mask"].sum()))
    expected = embeddings(model, features)
    torch.testing.assert_close(embeddings(model, packed), expected, rtol=1e-4, atol=1e-6)
    with packing.packed(model):
        torch.testing.assert_close(embeddings(model, features), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(embeddings(model, features), expected)


@given(some.integers(1, 100_000))
def test_packed_texts_are_filled_to_one_of_few_lengths_that_wastes_a_sixteenth(tokens):
    length = filled_length(tokens)
    assert tokens <= length <= max(tokens + 15, tokens * 17 / 16)
    assert filled_length(length) == length


def test_few_lengths_come_up():
    assert len({filled_length(tokens) for tokens in range(512, 8193)}) == 65


def test_what_fills_up_is_part_of_no_text(model):
    packing = Packing.of(model, TEXTS)
    packed = packing.pack(model.preprocess(TEXTS))
    full = filled(packed)
    assert full["input_ids"].shape[1] == filled_length(packed["input_ids"].shape[1])
    assert full["packing"].count == full["position_ids"].shape[1] == full["input_ids"].shape[1]
    for before, after in zip(
        text_parts(packed, packed["input_ids"]), text_parts(full, full["input_ids"]), strict=True
    ):
        assert torch.equal(before, after)


def test_filled_up_texts_give_the_gradients_of_padded_ones(model):
    packing = Packing.of(model, TEXTS)
    features = model.preprocess(TEXTS)

    def gradients(given):
        model.zero_grad()
        (embeddings(model, given) * torch.linspace(-1, 1, 16)).square().sum().backward()
        return {n: w.grad.clone() for n, w in model.named_parameters() if w.grad is not None}

    expected = gradients(features)
    with packing.packed(model):
        found = gradients(filled(packing.pack(features)))
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize(("precision", "fills"), [("bf16", True), ("fp32", False)])
def test_only_a_training_in_bfloat16_fills_texts_up(
    precision, fills, tiny_model, tmp_path, monkeypatch
):
    seen = []

    def watched(features):
        seen.append(features["packing"].count)
        return filled(features)

    monkeypatch.setattr("training.acceleration.packing.filled", watched)
    pairs = [Pair(str(n), f"where is my card {n}", f"the card {n} is gone") for n in range(24)]
    worker = FineTune(batch_size=8, epochs=1, precision=precision)
    mixture = Mix().draw(pairs[:12], pairs[12:])
    place = {"output": tmp_path / "model", "checkpoints": tmp_path / "checkpoints"}
    done = worker.fit(tiny_model, mixture, max_length=32, **place)
    assert done.precision == precision
    assert bool(seen) == fills


def test_gradients_are_those_of_padded_texts(model):
    def gradients(features):
        model.zero_grad()
        (embeddings(model, features) * torch.linspace(-1, 1, 16)).square().sum().backward()
        return {n: w.grad.clone() for n, w in model.named_parameters() if w.grad is not None}

    features = model.preprocess(TEXTS)
    expected = gradients(features)
    found = gradients(Packing.of(model, TEXTS).pack(features))
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-6, msg=name)


def xlm_roberta(tiny_model, tmp_path):
    """Return a model whose positions begin after that of padding."""
    shape = XLMRobertaConfig(
        vocab_size=200, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    with quiet():
        XLMRobertaModel(shape).save_pretrained(tmp_path)
        BertTokenizerFast.from_pretrained(str(tiny_model)).save_pretrained(tmp_path)
        transformer = Transformer(str(tmp_path), max_seq_length=32)
        return SentenceTransformer(modules=[transformer, Pooling(16, "mean")], device="cpu").eval()


def test_positions_that_begin_after_that_of_padding_are_kept(tiny_model, tmp_path):
    model = xlm_roberta(tiny_model, tmp_path)
    use_own_attention(model)
    packing = Packing.of(model, TEXTS)
    assert packing.first_position == 2
    features = model.preprocess(TEXTS)
    # Its tokenizer pads with 0, which the model takes for a word; masked, it is none.
    found = embeddings(model, packing.pack(features))
    torch.testing.assert_close(found, embeddings(model, features), rtol=1e-4, atol=1e-6)


def test_a_model_that_makes_something_else_of_packed_texts_gets_them_padded(model):
    core = model.transformers_model
    looking_ahead = core.encoder.layer[1].attention.self
    looking_ahead.is_causal = True
    assert Packing.of(model, TEXTS) is None
    looking_ahead.is_causal = False
    assert Packing.of(model, TEXTS) is not None
    # The library's own attention knows nothing of where one text ends.
    core.set_attn_implementation("sdpa")
    assert Packing.of(model, TEXTS) is None
    assert not model.training


def test_what_is_not_padded_tokens_is_left_as_it_is(model):
    packing = Packing()
    for features in (
        {"vectors": torch.ones(2, 3)},
        {"input_ids": torch.ones(2, 3), "attention_mask": torch.tensor([[0, 1, 1], [1, 1, 1]])},
        packing.pack(model.preprocess(TEXTS)),
    ):
        assert packing.pack(features) == features


def test_each_text_has_its_part_whether_padded_or_packed(model):
    features = model.preprocess(TEXTS)
    packed = Packing().pack(features)
    padded = text_parts(features, features["input_ids"])
    assert [len(part) for part in padded] == features["attention_mask"].sum(dim=1).tolist()
    for part, other in zip(padded, text_parts(packed, packed["input_ids"]), strict=True):
        assert torch.equal(part, other)
