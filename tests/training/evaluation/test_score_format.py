"""The number format of scores: one for a workspace, kept, and never mixed."""

import numpy as np
import pytest
import torch

from training.acceleration import precision as acceleration
from training.encoding import Encoder
from training.evaluation import Evaluate, EvaluationSet, Scorecard, scorecard, settled_format

SET = EvaluationSet(
    "anchor/past",
    {"q1": "lost my card", "q2": "book a flight"},
    {"d1": "my card is lost", "d2": "a flight to book"},
    {"q1": {"d1": 1}, "q2": {"d2": 1}},
    {"bank": ("q1",)},
)


@pytest.fixture
def fast(monkeypatch):
    """A processor that is faster in bfloat16, as far as it is asked."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    times = iter([2.0, 1.0] * 100)
    monkeypatch.setattr(acceleration, "_seconds", lambda *_: next(times))
    measured = acceleration.fastest_precision
    measured.cache_clear()
    yield
    measured.cache_clear()


@pytest.mark.usefixtures("fast")
def test_auto_is_bfloat16_where_that_is_faster(tiny_model, tmp_path):
    note = tmp_path / "note"
    assert settled_format("auto", "float32", tiny_model, device="cpu", note=note) == "bfloat16"


@pytest.mark.usefixtures("fast")
def test_what_was_measured_stays_whatever_a_busy_machine_would_measure(
    tiny_model, tmp_path, monkeypatch
):
    note = tmp_path / "note"
    settled_format("auto", "float32", tiny_model, device="cpu", note=note)
    monkeypatch.setattr(acceleration, "fastest_precision", lambda *_: pytest.fail("measured again"))
    assert settled_format("auto", "float32", tiny_model, device="cpu", note=note) == "bfloat16"


def test_auto_is_the_served_format_without_instructions_for_another(
    tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    note = tmp_path / "note"
    note.write_text("bf16")  # of another machine
    assert settled_format("auto", "float32", tiny_model, device="cpu", note=note) == "float32"


@pytest.mark.usefixtures("fast")
def test_a_model_without_a_transformer_is_scored_as_it_serves(tmp_path):
    from odd_models import word_vectors

    folder = word_vectors(tmp_path / "static", 16)
    chosen = settled_format("auto", "float32", folder, device="cpu", note=tmp_path / "note")
    assert chosen == "float32"


@pytest.mark.parametrize("served", ["float32", "bfloat16"])
def test_scores_are_computed_as_the_model_serves_unless_asked_otherwise(
    served, tiny_model, tmp_path
):
    where = {"device": "cpu", "note": tmp_path / "note"}
    assert settled_format("model", served, tiny_model, **where) == served
    assert settled_format("float32", served, tiny_model, **where) == "float32"


def test_scores_say_in_which_format_they_were_computed_and_are_kept_apart(
    tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    cards = []
    for precision in ("float32", "bfloat16"):
        encoder = Encoder.load(tiny_model, device="cpu", precision=precision)
        for _ in range(2):  # scored, and from the cache
            card = scorecard(
                encoder.fingerprint,
                lambda encoder=encoder: encoder,
                [SET],
                evaluate=Evaluate(),
                cache=tmp_path,
                precision=precision,
            )
            assert {each.precision for each in card.tasks.values()} == {precision}
        cards.append(card)
    assert cards[0].fingerprint != cards[1].fingerprint
    assert Scorecard.from_json(cards[1].to_json()).tasks["anchor/past"].precision == "bfloat16"


def test_scores_of_earlier_versions_have_the_format_of_their_model():
    card = {"set_digest": "s", "query_ids": ["q"], "metrics": {"ndcg_at_10": [1.0]}}
    old = {"fingerprint": "f", "tasks": {"anchor/past": card}}
    assert Scorecard.from_json(old).tasks["anchor/past"].precision == "float32"
    assert Scorecard.from_json(old, "bfloat16").tasks["anchor/past"].precision == "bfloat16"


def test_the_scores_of_a_set_repeat_exactly_whatever_was_encoded_before(
    tiny_model, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    alone = Encoder.load(tiny_model, device="cpu", precision="bfloat16")
    kept = Encoder.load(tiny_model, device="cpu", precision="bfloat16", cache=tmp_path)
    kept.encode(["book a flight", "and something else", "my card is lost " * 9])
    first, second = (Evaluate().rank(each, SET) for each in (alone, kept))
    assert np.array_equal(first.similarities, second.similarities)
