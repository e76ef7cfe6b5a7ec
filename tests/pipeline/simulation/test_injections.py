"""Injections change real texts: as many as asked, always the same ones, and never to nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulation.injections import (
    NewParser,
    NewTopics,
    NewWords,
    OtherSense,
    OwnOutput,
    other_sense,
    turned,
)
from pipeline.store import Traffic

FIELDS = (
    ("server", "rack", "network", "cable", "offline"),
    ("waiter", "wine", "table", "dinner", "tasty"),
)
NEW = tuple(Traffic(f"how does the new thing number {number} work") for number in range(30))
INJECTIONS = {
    "topics": NewTopics(NEW),
    "words": NewWords(),
    "parser": NewParser(),
    "sense": OtherSense("server", ("waiter", "dinner")),
    "output": OwnOutput(tuple(f"I found answer {number} for you" for number in range(30))),
}
TEXTS = st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=40)
SHARES = st.floats(0.0, 1.0)


def window(texts):
    return [Traffic(text, id=str(row), session="s") for row, text in enumerate(texts)]


def changed(before, after):
    return {row for row, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}


@pytest.mark.parametrize("name", INJECTIONS)
@settings(max_examples=25)
@given(texts=TEXTS, strength=SHARES, more=SHARES, seed=st.integers(0, 2**31))
def test_strength_orders_what_changes_and_texts_stay_texts(name, texts, strength, more, seed):
    injection, before = INJECTIONS[name], window(texts)
    less, most = sorted((strength, more))
    weak = injection.inject(before, less, seed)
    strong = injection.inject(before, most, seed)
    assert injection.inject(before, 0.0, seed) == before
    assert injection.inject(before, less, seed) == weak
    assert changed(before, weak) <= changed(before, strong)
    assert len(changed(before, weak)) <= round(less * len(before)) + 1
    assert all(each.text.strip() for each in strong)
    assert [each.id for each in strong] == [each.id for each in before]


@pytest.mark.parametrize("name", ["topics", "words", "parser", "output"])
def test_full_strength_changes_every_text(name):
    before = window([f"Where is my Card number {row} please" for row in range(20)])
    assert len(changed(before, INJECTIONS[name].inject(before, 1.0, 3))) == 20


def test_a_usual_word_always_becomes_the_same_new_word():
    first, second = NewWords().inject(window(["reset the password", "my password"]), 1.0, 0)
    assert set(first.text.split()) & set(second.text.split()) - {"my", "the"}
    assert "password" not in first.text + second.text


def test_a_parser_breaks_lines_and_keeps_the_words():
    text = "Where can I find the number of the card that I ordered"
    after = NewParser().inject(window([text]), 1.0, 0)[0].text
    assert after.count("\n") >= 2
    assert after.split("\n", 1)[1].split() == text.lower().split()


def test_words_of_two_fields_change_places():
    before = window(["the server is offline", "the waiter waiter brought wine", "a tasty cake"])
    after = OtherSense("server", ("waiter",)).inject(before, 1.0, 0)
    assert [each.text for each in after] == [
        "the waiter is offline",
        "the server brought wine",
        "a tasty cake",
    ]


def test_a_word_gets_a_meaning_from_the_farthest_field():
    generator = np.random.default_rng(0)
    texts, rows = [], []
    for number in range(200):
        field = number % 2
        texts.append(f"{' '.join(generator.permutation(FIELDS[field])[:3])} {number}")
        rows.append(generator.normal(0, 0.3, 8) + np.eye(8)[field])
    vectors = np.array(rows, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = other_sense(("Server",), texts, vectors, 0.1)
    assert found.term == "server"
    assert set(found.others) <= set(FIELDS[1])
    assert other_sense(("unheard",), texts, vectors, 0.1) is None


@given(strength=SHARES, seed=st.integers(0, 99))
def test_vectors_of_another_model_are_unit_vectors_and_turn_with_strength(strength, seed):
    vectors = np.eye(8, dtype=np.float32)
    new = turned(vectors, strength, seed)
    np.testing.assert_allclose(np.linalg.norm(new, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(turned(vectors, 0.0, seed), vectors, atol=1e-6)
    np.testing.assert_array_equal(new, turned(vectors, strength, seed))
