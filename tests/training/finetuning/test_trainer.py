"""The trainer: its columns and prompts, and the numbers that it refuses."""

from types import SimpleNamespace

import pytest

from training.faults import NonFiniteLoss
from training.finetuning.trainer import check_numbers, prompts, training_set
from training.pairs.pair import Pair

PAIRS = [Pair("1", "a", "x"), Pair("2", "b", "y", "z")]


@pytest.mark.parametrize(("name", "value"), [("loss", float("nan")), ("grad_norm", float("inf"))])
def test_a_number_that_is_not_finite_is_named_with_its_step(name, value):
    with pytest.raises(NonFiniteLoss, match=f"{name} is {value} at step 7"):
        check_numbers({"loss": 1.0, "grad_norm": 1.0, name: value}, 7)
    check_numbers({"loss": 1.0}, 7)


def test_the_label_of_a_row_is_its_number():
    assert training_set(PAIRS).to_dict() == {
        "query": ["a", "b"], "positive": ["x", "y"], "negative": ["", "z"], "label": [0, 1]
    }  # fmt: skip
    assert "negative" not in training_set(PAIRS[:1]).column_names


def test_a_column_has_the_prompt_of_its_kind():
    model = SimpleNamespace(prompts={"query": "ask: ", "document": ""}, default_prompt_name=None)
    assert prompts(model, ["query", "positive"]) == {"query": "ask: "}
    model.prompts["document"] = "text: "
    assert prompts(model, ["positive", "negative"]) == {"positive": "text: ", "negative": "text: "}
    assert prompts(SimpleNamespace(prompts={}, default_prompt_name=None), ["query"]) is None
