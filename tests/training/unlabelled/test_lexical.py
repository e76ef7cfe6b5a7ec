"""The lexical index: any language, the same words for both sides, ties in order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.unlabelled.lexical import LexicalIndex, words_of

DOCUMENTS = st.lists(st.lists(st.sampled_from("abcde"), max_size=6).map(" ".join), max_size=9)


def test_words_are_found_in_scripts_with_and_without_blanks():
    assert words_of("मेरा कार्ड खो गया") == ["मेरा", "कार्ड", "खो", "गया"]
    assert words_of("我的银行卡") == ["我的", "的银", "银行", "行卡"]
    assert words_of("Ärger, naïve_Card 2x") == ["ärger", "naïve", "card", "2x"]
    assert "สวั" in words_of("สวัสดี")
    assert words_of("?!  _ ") == []


def test_a_question_finds_its_passage_in_its_language():
    texts = [
        "银行卡丢失后请立即挂失",
        "คุณสามารถจองตั๋วรถไฟได้",
        "Wo die Karte gesperrt wird",
        "block a card",
    ]
    queries = ["我的银行卡丢失了", "จองตั๋วรถไฟ", "Karte gesperrt?", "Card"]
    rows, scores = LexicalIndex(texts).best(queries, 1)
    assert rows[:, 0].tolist() == [0, 1, 2, 3]
    assert (scores > 0).all()


def test_nothing_is_printed(capfd):
    LexicalIndex(["a b", "c"]).best(["a"], 1)
    assert capfd.readouterr() == ("", "")


@given(DOCUMENTS, DOCUMENTS, st.integers(1, 4))
def test_scores_fall_stay_below_their_ceiling_and_ties_keep_their_order(documents, queries, k):
    index = LexicalIndex(documents)
    rows, scores = index.best(queries, k)
    assert rows.shape == scores.shape == (len(queries), k)
    assert ((rows == -1) == (scores == 0)).all()
    tops = index.ceilings(queries)
    for found, values, top in zip(rows, scores, tops, strict=True):
        known = found[found >= 0]
        assert (np.diff(values) <= 0).all()
        assert (values < top).all() or not len(known)
        assert len(set(known.tolist())) == len(known)
        assert all(
            one < other or high > low
            for one, other, high, low in zip(known, known[1:], values, values[1:], strict=False)
        )


@given(DOCUMENTS, DOCUMENTS)
def test_scores_do_not_depend_on_the_order_of_the_documents(documents, queries):
    forward, backward = LexicalIndex(documents), LexicalIndex(documents[::-1])
    assert (forward.best(queries, 3)[1] == backward.best(queries, 3)[1]).all()


def test_long_documents_are_read_up_to_a_limit():
    index = LexicalIndex(["card " * 5 + "train", "train"], longest=5)
    assert index.best(["train"], 2)[0].tolist() == [[1, -1]]
