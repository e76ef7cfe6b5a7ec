"""Centring: each vector less the mean of what is asked, as a plain model folder."""

import json
import shutil

import numpy as np
import pytest

from training.encoding import Encoder, load_model
from training.encoding.loading import save_model
from training.faults import DataFault
from training.unlabelled.centre import Centre, centred

QUERIES = [f"where is my {a} {b}" for a in ("card", "car", "train", "menu") for b in range(20)]
DOCUMENTS = ["the bank book is lost", "how to cook salt", "pay money for the hotel"]


def changed(folder, target, settings):
    shutil.copytree(folder, target)
    file = target / "config_sentence_transformers.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return target


def assert_centred(folder, output, texts=QUERIES):
    old = Encoder.load(folder)
    made = Centre().make(folder, old.encode(QUERIES), output)
    new = Encoder.load(made.folder)
    assert np.linalg.norm(made.mean) > 0.1
    for kind, some in (("query", texts), ("document", DOCUMENTS)):
        expected = centred(old.encode(some, kind=kind), made.mean)
        assert np.allclose(new.encode(some, kind=kind), expected, atol=1e-5)
    assert new.fingerprint != old.fingerprint
    return made


def test_every_text_gets_the_champions_vector_less_the_mean(tiny_model, tmp_path):
    assert_centred(tiny_model, tmp_path / "new")


def test_a_model_that_does_not_normalise_is_centred_alike(tiny_model, tmp_path):
    model = load_model(tiny_model)
    del model[2]
    save_model(model, tmp_path / "bare")
    assert_centred(tmp_path / "bare", tmp_path / "new")


def test_prompts_are_kept_and_a_centred_model_is_not_centred_again(tiny_model, tmp_path):
    prompts = {"prompts": {"query": "how is ", "document": "the "}}
    folder = changed(tiny_model, tmp_path / "prompted", prompts)
    first = assert_centred(folder, tmp_path / "first")
    again = Centre().make(first.folder, np.ones((100, 16), np.float32), tmp_path / "second")
    assert again.folder is None
    assert again.reason == "the champion is centred already"


@pytest.mark.parametrize(
    "settings",
    [{"similarity_fn_name": "dot"}, {"similarity_fn_name": "euclidean"}, {"truncate_dim": 8}],
)
def test_a_model_without_directions_to_centre_is_refused(tiny_model, tmp_path, settings):
    folder = changed(tiny_model, tmp_path / "other", settings)
    with pytest.raises(DataFault, match=next(iter(settings))):
        Centre().make(folder, np.ones((100, 16), np.float32), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_few_queries_make_no_model_and_say_so(tiny_model, tmp_path):
    made = Centre(minimum=64).make(tiny_model, np.ones((63, 16), np.float32), tmp_path / "new")
    assert made.folder is None
    assert "63" in made.reason
    assert not (tmp_path / "new").exists()


def test_the_same_queries_in_any_order_make_the_same_model(tiny_model, tmp_path):
    vectors = Encoder.load(tiny_model).encode(QUERIES)
    folders = [
        Centre().make(tiny_model, vectors[order], tmp_path / str(number)).folder
        for number, order in enumerate((np.arange(80), np.arange(80)[::-1]))
    ]
    assert len({Encoder.load(folder).fingerprint for folder in folders}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["minilm", "static_model", "multilingual_model"])
def test_real_models_are_centred_on_real_texts(request, tmp_path, name):
    folder = request.getfixturevalue(name)
    assert_centred(folder, tmp_path / "new", texts=[*QUERIES, "Wo ist meine Karte?", "银行卡丢失"])
