"""The pair: when two texts count as the same."""

from hypothesis import given
from hypothesis import strategies as st

from training.pairs.pair import normalised


def test_normalisation_ignores_case_punctuation_and_spaces():
    assert normalised("Lost my CARD!") == normalised("lost  my card") == "lost my card"
    assert normalised("ﬁne") == "fine"


def test_a_text_of_punctuation_alone_keeps_its_identity():
    assert normalised("???") == "???" != normalised("!")


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalised(text)
    assert normalised(once) == once or not once.isascii()
