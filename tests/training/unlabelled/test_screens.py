import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pairs import Pair
from training.unlabelled import Screens

WORDS = ["card", "door", "lamp", "fish", "road", "tree", "wall", "ring", "book", "milk", "salt"]
WORDS += ["wind", "coat", "boat", "hill"]


def unit(text, spread=0.1):
    """Return a vector near that of the text's topic, which is its last word."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    topic = int.from_bytes(hashlib.sha256(text.split()[-1].strip(".?").encode()).digest()[:4])
    vector = np.random.default_rng(topic).normal(size=64)
    vector += spread * np.random.default_rng(seed).normal(size=64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def encode(texts):
    return np.stack([unit(text) for text in texts])


def right_pairs(count=60, source="structure"):
    topics = [f"{a}{b}" for a in WORDS for b in WORDS][:count]
    return [
        Pair(
            f"{source}{row}",
            f"{topic[::-1]} where is {topic}",
            f"{topic.upper()} lies {topic}",
            source=source,
        )
        for row, topic in enumerate(topics)
    ]


def names(found):
    return {each.name: each.pairs for each in found.screens}


def test_right_pairs_all_pass():
    pairs = right_pairs()
    found = Screens().clean(pairs, encode)
    assert found.pairs == tuple(pairs)
    assert found.reason == ""


def test_short_texts_pasted_texts_and_repetitions_of_the_query_are_taken_out():
    bad = [
        Pair("1", "?!", "a long answer"),
        Pair("2", "how much", "."),
        Pair("3", "word " * 300, "a long answer"),
        Pair("4", "Lost card", "lost card!"),
    ]
    assert names(Screens().clean(bad, None)) == {"length": 4}


def test_error_codes_are_queries_like_others():
    pair = Pair("1", "0x80070057", "This code says that a parameter is wrong.")
    assert Screens().clean([pair], None).pairs == (pair,)


def test_tables_are_no_answers():
    pair = Pair("1", "prices of last year", "12.4 | 33.1 | 42.0 | 13.7 | 99 | a")
    assert names(Screens().clean([pair], None)) == {"letters": 1}


def test_boilerplate_is_recognised_by_its_repetition():
    own = right_pairs(40)
    notice = "All rights reserved by the company and its friends. Contact us at any time."
    bad = [
        Pair(f"b{row}", f"who wrote the {word}", f"{notice} {word}", source="structure")
        for row, word in enumerate(WORDS)
    ]
    found = Screens().clean([*own, *bad], None)
    assert names(found) == {"boilerplate": len(bad)}
    assert found.pairs == tuple(own)


def test_a_query_in_a_script_that_no_document_has_is_taken_out():
    english = Pair("1", "where is the card", "The card lies here.")
    russian = Pair("2", "где моя карта", "The card lies there too.")
    assert Screens().clean([english, russian], None).pairs == (english,)
    both = Screens().clean([english, russian], None, documents=["Карта лежит здесь."])
    assert both.pairs == (english, russian)


def test_of_a_flood_of_near_duplicates_one_is_kept():
    flood = [
        Pair(str(n), f"please refund the money of order number {n}", "We refund it within a week.")
        for n in range(50)
    ]
    assert len(Screens().clean(flood, None).pairs) == 1
    assert len(Screens(near_duplicates=3).clean(flood, None).pairs) == 3


def test_a_text_unlike_everything_else_is_taken_out():
    pairs = right_pairs()
    strange = Pair("x", "the best zzyzx", pairs[0].positive + " again cardcard", source="structure")
    queries = [f"{pair.query.upper()} {pair.query.split()[-1]}" for pair in pairs]
    found = Screens().clean([*pairs, strange], encode, queries=queries)
    assert names(found) == {"out of distribution": 1}
    assert strange not in found.pairs
    kept = Screens(out_of_distribution=False).clean([*pairs, strange], encode)
    assert "out of distribution" not in names(kept)


def test_a_source_of_shuffled_pairs_is_left_out_as_a_whole_and_the_other_stays():
    good, other = right_pairs(), right_pairs(source="generated")
    shuffled = [
        Pair(pair.id, pair.query, other[(row + 7) % len(other)].positive, source="generated")
        for row, pair in enumerate(other)
    ]
    found = Screens().clean([*good, *shuffled], encode)
    assert found.refused == ("generated",)
    assert found.pairs == tuple(good)
    assert dict(found.noise)["structure"] < 0.1 < 0.7 < dict(found.noise)["generated"]
    assert "generated is left out" in found.reason


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_the_share_of_wrong_pairs_is_estimated(share):
    pairs = right_pairs(200)
    wrong = int(share * len(pairs))
    pairs[:wrong] = [
        Pair(pair.id, pair.query, pairs[row + 100].positive, source="structure")
        for row, pair in enumerate(pairs[:wrong])
    ]
    found = Screens(out_of_distribution=False).clean(pairs, encode)
    assert found.noise[0][1] == pytest.approx(share, abs=0.1)
    assert found.refused == ()


def test_switched_off_everything_passes():
    pair = Pair("1", "?", "!")
    assert Screens(enabled=False).clean([pair], encode).pairs == (pair,)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=40))
def test_no_pair_is_lost_or_invented(texts):
    pairs = [Pair(str(row), *both, source="structure") for row, both in enumerate(texts)]
    found = Screens().clean(pairs, None)
    assert len(found.pairs) + found.removed == len(pairs)
    kept = set(found.pairs)
    assert found.pairs == tuple(pair for pair in pairs if pair in kept)
