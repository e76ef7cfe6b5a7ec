"""The hold: what of the past a training leaves where the champion has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.encoding.encoder import Encoder
from training.encoding.similarity import Similarity
from training.pairs.labels import LabelledTexts
from training.pairs.mix import Mixture
from training.pairs.pair import Pair
from training.progress import no_progress
from training.retention.hold import Hold, answered


class Fixed:
    """Encodes each text as a vector that is named in advance, and notes what it was asked."""

    dimensions = 4
    similarity = Similarity()

    def __init__(self, places):
        self.places = places
        self.asked = []

    def encode(self, texts, *, kind="query", progress=no_progress):
        self.asked.extend(texts)
        return np.eye(4, dtype=np.float32)[[self.places[text] for text in texts]]


def mixture(pairs, old):
    return Mixture(tuple(pairs), tuple(old), "a digest")


PAIRS = [Pair(str(i), f"question {i}", f"answer {i}") for i in range(4)]
# Question 1 lies at the answer to question 2, all others at their own.
PLACES = {f"answer {i}": i for i in range(4)} | {f"question {i}": i for i in range(4)}
MISTAKEN = PLACES | {"question 1": 2}


def hold(pairs, old, places, rows="answered", whole=False):
    return Hold.of(mixture(pairs, old), Fixed(places), rows, no_progress, whole=whole)


def test_replayed_rows_that_the_champion_answers_are_held_and_others_learn():
    assert hold(PAIRS, [True] * 4, MISTAKEN).rows.tolist() == [True, False, True, True]


def test_recent_rows_are_never_held_unless_all_rows_are():
    old = [True, True, False, False]
    assert hold(PAIRS, old, PLACES).rows.tolist() == old
    assert hold(PAIRS, old, PLACES, rows="replayed").rows.tolist() == old
    assert hold(PAIRS, old, PLACES, rows="all").rows.all()


def test_recent_documents_take_no_part_in_what_counts_as_answered():
    # Answer 2 lies as near to question 1 as its own does.
    places = PLACES | {"answer 2": 1}
    assert not hold(PAIRS, [True] * 4, places).rows[1]
    assert hold(PAIRS, [True, True, False, True], places).rows[1]


def test_the_loss_is_told_the_champions_embeddings_of_what_is_held():
    columns = hold(PAIRS, [True, True, False, False], PLACES).columns
    expected = np.eye(4)
    expected[2:] = 0.0
    assert len(columns) == 2
    for column in columns:
        np.testing.assert_array_equal(column, expected)


def test_every_answer_of_a_query_must_come_first():
    pairs = [*PAIRS, Pair("4", "question 0", "another answer")]
    near, far = PLACES | {"another answer": 0}, PLACES | {"another answer": 1}
    assert hold(pairs, [True] * 5, near).rows.all()
    # At an answer of question 1, the further one stands in that question's way too.
    assert hold(pairs, [True] * 5, far).rows.tolist() == [False, False, True, True, False]


@pytest.mark.parametrize(("count", "encodes"), [(10, True), (11, False)])
def test_queries_with_more_answers_than_are_looked_at_are_neither_held_nor_encoded(count, encodes):
    pairs = [Pair(str(i), "where is my card", f"it is in drawer {i}") for i in range(count)]
    places = {text: 0 for pair in pairs for text in (pair.query, pair.positive)}
    champion = Fixed(places)
    found = Hold.of(mixture(pairs, [True] * count), champion, "answered", no_progress, whole=False)
    assert found.rows.all() == found.rows.any() == encodes
    assert bool(champion.asked) == bool(found.columns) == encodes


def test_nothing_is_encoded_where_nothing_is_replayed():
    champion = Fixed(PLACES)
    found = Hold.of(mixture(PAIRS, [False] * 4), champion, "answered", no_progress, whole=False)
    assert not found.rows.any()
    assert found.columns == ()
    assert not champion.asked


def test_where_the_whole_mix_is_wanted_all_rows_have_embeddings_whatever_is_held():
    found = hold(PAIRS, [True, False, False, False], PLACES, whole=True)
    assert found.rows.tolist() == [True, False, False, False]
    np.testing.assert_array_equal(found.columns[0], np.eye(4))


def test_where_nothing_is_to_be_held_the_whole_mix_may_be_wanted_all_the_same():
    found = hold(PAIRS, [True] * 4, PLACES, rows=None, whole=True)
    assert not found.rows.any()
    np.testing.assert_array_equal(found.columns[0], np.eye(4))
    assert hold(PAIRS, [True] * 4, PLACES, rows=None).columns == ()


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_answered_is_what_the_definition_says(count, seed):
    random = np.random.default_rng(seed)
    pairs = [
        Pair(str(i), f"question {random.integers(8)}", f"answer {random.integers(12)}")
        for i in range(count)
    ]
    # Texts have one embedding each, and all cosines differ.
    vectors = {
        text: random.normal(size=8) for pair in pairs for text in (pair.query, pair.positive)
    }
    unit = {text: vector / np.linalg.norm(vector) for text, vector in vectors.items()}
    rows = list(range(count))
    found = answered(
        LabelledTexts(pairs), rows,
        np.array([unit[pair.query] for pair in pairs]),
        np.array([unit[pair.positive] for pair in pairs]),
    )  # fmt: skip
    for row, pair in enumerate(pairs):
        own = {each.positive for each in pairs if each.query == pair.query}
        others = {each.positive for each in pairs} - own
        last = min(unit[pair.query] @ unit[text] for text in own)
        first = max((unit[pair.query] @ unit[text] for text in others), default=-2.0)
        assert found[row] == (len(own) <= 10 and last > first)


def test_held_rows_of_a_model_stay_nearer_to_it(tiny_model, tmp_path):
    from training.finetuning.finetune import FineTune

    pairs = [
        Pair(str(i), f"where is my {word}", f"the {word} is gone")
        for i, word in enumerate(("card", "bank", "money", "account", "train", "flight") * 4)
    ]
    pairs = [Pair(p.id, f"{p.query} {i}", p.positive) for i, p in enumerate(pairs)]
    old = [i % 2 == 0 for i in range(len(pairs))]
    texts = [pair.query for pair, replayed in zip(pairs, old, strict=True) if replayed]
    before = Encoder.load(tiny_model).encode(texts)
    moved = []
    for weight in (0.0, 50.0):
        worker = FineTune(
            epochs=6, learning_rate=1e-3, batch_size=8, distillation=weight, distil="replayed"
        )
        done = worker.fit(
            tiny_model, mixture(pairs, old), output=tmp_path / str(weight),
            checkpoints=tmp_path / f"checkpoints {weight}", max_length=32,
        )  # fmt: skip
        assert done.held == (0 if weight == 0 else len(texts))
        after = Encoder.load(done.folder).encode(texts)
        moved.append(1 - float((after * before).sum(1).mean()))
    assert moved[1] < moved[0] / 2
