"""Prompts: one rule for encoding, training, the cache, the fingerprint and what is saved."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_models import loaded, with_prompts, without_pooled_prompt

from training.encoding.encoder import Encoder
from training.encoding.loading import fetch_base, load_model
from training.encoding.model_folder import fingerprint
from training.encoding.prompts import chosen_prompt, unused_prompts
from training.finetuning.trainer import prompts as training_prompts

KINDS = ("query", "document")
ASK, TELL = "where is ", "how the bank is "
NAMES = {
    "query": ("query", "search_query", "retrieval.query", "s2p_query", "web_search_query"),
    "document": (
        "document", "passage", "corpus", "search_document", "retrieval.passage", "s2p_document",
        "Retrieval-document", "retrievalPassage",
    ),
}  # fmt: skip


def test_a_prompt_is_found_whatever_models_call_it():
    for ask, tell in itertools.product(NAMES["query"], NAMES["document"]):
        prompts = {"sts": "compare: ", ask: ASK, tell: TELL, "clustering": "group: "}
        assert [chosen_prompt(prompts, None, kind) for kind in KINDS] == [ASK, TELL], (ask, tell)


ANY_NAME = st.sampled_from([*NAMES["query"], *NAMES["document"], "sts", "s2s_query", "clustering"])


@given(
    st.dictionaries(ANY_NAME, st.sampled_from(["", "a: ", "b: ", "c: "])),
    st.booleans(),
    st.sampled_from(KINDS),
)
def test_an_empty_prompt_never_hides_another_one(prompts, by_default, kind):
    default = next(iter(prompts), None) if by_default else None
    chosen = chosen_prompt(prompts, default, kind)
    filled = {name: text for name, text in prompts.items() if text}
    assert chosen == chosen_prompt(filled, default, kind)
    assert chosen == chosen_prompt({"query": "", "document": "", **prompts}, default, kind)
    assert chosen == "" or chosen in filled.values()
    if any(name in filled for name in NAMES[kind]):
        assert chosen in {filled[name] for name in NAMES[kind] if name in filled}


@pytest.mark.parametrize(
    ("prompts", "default"),
    [
        ({"query": ASK, "passage": TELL}, None),
        ({"search_query": ASK, "search_document": TELL, "query": ""}, None),
        ({"retrieval": ASK, "document": ""}, "retrieval"),
        ({"query": ASK, "clustering": TELL}, "query"),
    ],
)
def test_training_encoding_and_the_library_alone_use_the_same_prompt(
    prompts, default, tiny_model, tmp_path
):
    place = tmp_path
    original = with_prompts(tiny_model, place / "original", prompts, default)
    base = fetch_base(original, place / "base", 32)
    plain, texts = loaded(base), ["my card 12", "the train"]
    encode = {"query": plain.encode_query, "document": plain.encode_document}
    columns = training_prompts(load_model(original), ["query", "positive", "negative"]) or {}
    columns |= training_prompts(load_model(base), ["query", "positive", "negative"]) or {}
    for kind, column in (("query", "query"), ("document", "positive")):
        chosen = chosen_prompt(prompts, default, kind)
        assert columns.get(column, "") == chosen
        ours = Encoder.load(original).encode(texts, kind=kind)
        for theirs in (
            Encoder.load(base).encode(texts, kind=kind),
            encode[kind](texts, normalize_embeddings=True),
            plain.encode([chosen + text for text in texts], prompt="", normalize_embeddings=True),
        ):
            assert np.allclose(ours, theirs, atol=1e-5)


def test_a_default_prompt_is_for_both_sides_unless_its_name_says_one():
    assert chosen_prompt({"text": "t: "}, "text", "query") == "t: "
    assert chosen_prompt({"text": "t: "}, "text", "document") == "t: "
    assert chosen_prompt({"query": "q: "}, "query", "document") == ""
    assert chosen_prompt({"query": "q: ", "text": "t: "}, "text", "query") == "q: "


def test_one_of_several_tasks_is_not_guessed():
    prompts = {"nl2code_query": "a: ", "code2code_query": "b: "}
    assert chosen_prompt(prompts, None, "query") == ""
    assert chosen_prompt({"nl2code_query": "a: "}, None, "query") == "a: "
    assert "'nl2code_query', 'code2code_query' are not used" in unused_prompts(prompts, None)


def test_prompts_that_are_all_used_need_no_word():
    assert unused_prompts({"query": "q: ", "document": "d: ", "passage": "d: "}, None) == ""
    assert unused_prompts({"query": "", "document": ""}, None) == ""


def test_texts_under_another_prompt_are_other_entries_of_the_cache(tiny_model, tmp_path):
    folder = with_prompts(tiny_model, tmp_path / "model", {"query": ASK, "passage": TELL})
    cache = tmp_path / "cache"
    query, document = (Encoder.load(folder, cache=cache).encode(["a card"], kind=k) for k in KINDS)
    assert not np.allclose(query, document)
    assert np.array_equal(Encoder.load(folder, cache=cache).encode(["a card"]), query)


def test_only_a_prompt_that_the_library_would_not_use_changes_the_fingerprint(tiny_model, tmp_path):
    def identity(name, prompts):
        return fingerprint(with_prompts(tiny_model, tmp_path / name, prompts))

    plain = identity("none", {})
    assert len(plain) == 64 and plain == identity("again", {})
    hidden = identity("hidden", {"query": ASK, "passage": TELL})
    assert hidden != identity("query", {"query": ASK})
    assert hidden != identity("named", {"query": ASK, "document": TELL})


def test_a_prompt_that_is_not_pooled_is_not_pooled_in_training_either(tiny_model, tmp_path):
    folder = without_pooled_prompt(tiny_model, tmp_path / "model")
    model = load_model(folder)
    texts = ["my card 12 is lost", "the train"]
    features = model.preprocess(texts, prompt=training_prompts(model, ["query"])["query"])
    trained = model(dict(features))["sentence_embedding"].detach().numpy()
    encoded = Encoder.load(folder).encode(texts)
    assert np.allclose(trained, encoded, atol=1e-5)
    model.set_pooling_include_prompt(include_prompt=True)
    pooled = model(dict(features))["sentence_embedding"].detach().numpy()
    assert not np.allclose(trained, pooled, atol=1e-3)
