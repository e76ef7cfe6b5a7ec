"""Fixed shapes: the vector of a text does not depend on what is encoded beside it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from training.encoding import Encoder
from training.encoding.fixed_shapes import fixed_batches, padded_length, rows_at

TEXTS = [f"where is my card {n} " + "and the money " * (n % 23) for n in range(150)]


@pytest.fixture
def half(tiny_model, monkeypatch):
    """An encoder in bfloat16; processors without such instructions emulate it."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    return Encoder.load(tiny_model, device="cpu", max_length=60, precision="bfloat16")


@given(some.integers(1, 2000), some.integers(1, 2000))
def test_a_text_is_padded_to_a_length_that_holds_it_and_wastes_at_most_half(tokens, longest):
    cut = min(tokens, longest)
    length = padded_length(cut, longest)
    assert cut <= length <= max(longest, cut)
    assert length <= max(16, 1.5 * cut)


def test_few_lengths_serve_all_texts():
    assert len({padded_length(tokens, 512) for tokens in range(1, 513)}) == 11


@given(some.lists(some.integers(1, 300), max_size=300), some.integers(16, 300))
def test_each_text_is_in_one_batch_whose_shape_its_own_length_decides(counts, longest):
    tokens = [min(count, longest) for count in counts]
    batches = list(fixed_batches(tokens, longest))
    assert sorted(row for rows, _ in batches for row in rows) == list(range(len(tokens)))
    for rows, size in batches:
        (length,) = {padded_length(tokens[row], longest) for row in rows}
        assert len(rows) <= size == rows_at(length)


def test_a_text_gets_the_same_vector_in_any_company_bit_for_bit(half):
    everything = half.encode(TEXTS)
    random = np.random.default_rng(0)
    for size in (1, 7, 100):
        rows = random.permutation(len(TEXTS))[:size]
        assert np.array_equal(half.encode([TEXTS[row] for row in rows]), everything[rows])


def test_the_order_of_the_texts_stays(half, tiny_model):
    exact = Encoder.load(tiny_model, device="cpu", max_length=60).encode(TEXTS)
    nearest = half.forward(TEXTS) @ exact.T
    assert np.einsum("rd,rd->r", half.forward(TEXTS), exact).min() > 0.999
    assert nearest.shape == (len(TEXTS), len(TEXTS))


def test_what_was_cached_is_what_would_be_encoded_beside_other_texts(tiny_model, half, tmp_path):
    kept = Encoder.load(
        tiny_model, device="cpu", max_length=60, precision="bfloat16", cache=tmp_path
    )
    kept.encode(TEXTS[:20])
    assert np.array_equal(kept.encode(TEXTS), half.encode(TEXTS))


def test_a_single_pass_is_not_filled_up(half):
    (vector,) = half.encode_pass(TEXTS[3:4])
    assert float(vector @ half.encode(TEXTS[3:4])[0]) > 0.999


def test_padding_stays_on_the_side_of_the_tokenizer(half):
    tokenizer = half._model.tokenizer
    (part,) = [each for each in half._model if hasattr(each, "max_seq_length")]
    seen = []
    part.register_forward_hook(lambda _, given, __: seen.append(given[0]["attention_mask"]))
    for side in ("right", "left"):
        tokenizer.padding_side = side
        half.encode_pass(TEXTS[3:4])
    right, left = (mask[0].tolist() for mask in seen)
    assert right == left[::-1]
    assert right[0] == 1 and right[-1] == 0
