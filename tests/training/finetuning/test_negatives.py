import numpy as np

from training.encoding.similarity import Similarity
from training.finetuning.negatives import Negatives
from training.pairs.pair import Pair

VECTORS = {
    "query": [1.0, 0.0],
    "good": [0.9, np.sqrt(1 - 0.81)],
    "also good": [0.85, np.sqrt(1 - 0.85**2)],
    "too near": [0.89, np.sqrt(1 - 0.89**2)],
    "near": [0.8, 0.6],
    "far": [0.0, 1.0],
    "other": [0.0, -1.0],
}


class Table:
    fingerprint = "table"
    similarity = Similarity()

    def encode(self, texts, *, kind="query", progress=None):
        return np.array([VECTORS[text] for text in texts], dtype=np.float32)


PAIRS = [
    Pair("1", "query", "good"),
    Pair("2", "query", "also good"),
    Pair("3", "other", "too near"),
    Pair("4", "other", "near"),
    Pair("5", "other", "far", negative="by hand"),
]


def test_the_nearest_text_that_is_surely_wrong_is_taken():
    mined = Negatives(enabled=True, rows_at_once=2).mine(PAIRS, Table())
    # "too near" is within 5 % of the positive's similarity, "also good" is labelled.
    assert [pair.negative for pair in mined.pairs[:2]] == ["near", "near"]
    assert mined.pairs[4].negative == "by hand"


def test_pairs_without_a_trustworthy_negative_are_counted():
    mined = Negatives(enabled=True).mine(PAIRS[:2], Table())
    assert (mined.mined, mined.skipped) == (0, 2)
    assert mined.reason == "hard negatives for 0 pairs, no reliable one for 2"
    assert mined.pairs == tuple(PAIRS[:2])


def test_nothing_is_encoded_unless_asked_for(fake_encoder):
    assert Negatives().mine(PAIRS, fake_encoder).pairs == tuple(PAIRS)
    assert fake_encoder.encoded == []


def test_mining_does_not_depend_on_the_order_of_pairs():
    forward, backward = (
        Negatives(enabled=True).mine(pairs, Table()) for pairs in (PAIRS, PAIRS[::-1])
    )
    assert forward.pairs == backward.pairs[::-1]
