"""A session: blind sides, answers that stay, undo that marks, several people."""

import sqlite3

import pytest
from made_questions import made_questions, made_session

from pipeline.judging import certainty
from pipeline.store import Store


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def test_an_answer_is_kept_for_the_version_whose_results_were_on_that_side(store):
    session = made_session(store)
    for turn in range(6):
        shown = session.next()
        assert shown.turn == turn
        asked = session.questions.asked[turn]
        first_is_left = shown.left[0] == session.questions.documents[asked.first[0]]
        assert session.answer(turn, "left")
        kept = session.answers()[-1]
        assert kept.answer == ("first" if first_is_left else "second")
        assert (kept.left, kept.who, kept.query) == (kept.answer, "ada", asked.query)
        assert kept.results["first"][0] == (
            asked.first[0],
            session.questions.documents[asked.first[0]],
        )
    assert {each.answer for each in session.answers()} == {"first", "second"}


def test_undo_brings_the_question_back_and_keeps_the_answer_marked(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        session = made_session(store)
        assert not session.undo()
        session.answer(0, "same")
        session.answer(1, "none")
        assert session.undo()
        assert session.next().turn == 1
        session.answer(1, "left")
        assert [each.turn for each in session.answers()] == [0, 1]
    with sqlite3.connect(tmp_path / "store.db") as connection:
        rows = connection.execute("SELECT answer, undone IS NOT NULL FROM judgements").fetchall()
    connection.close()
    assert [(answer, bool(undone)) for answer, undone in rows][:2] == [
        ("same", False),
        ("none", True),
    ]


def test_of_two_people_who_answer_the_same_question_the_first_counts(store):
    ada, bob = made_session(store), made_session(store, who="bob")
    assert ada.answer(0, "left")
    assert not bob.answer(0, "right")
    assert bob.next().turn == 1
    assert bob.answer(1, "same")
    assert [each.who for each in ada.answers()] == ["ada", "bob"]


def test_after_the_last_question_nothing_is_asked(store):
    session = made_session(store)
    for turn in range(10):
        session.answer(turn, "same")
    assert session.next() is None
    assert not session.answer(10, "left")
    assert "too few queries" in certainty(session.standing(), session.margin)


def test_answers_about_other_comparisons_do_not_count(store):
    session = made_session(store)
    session.answer(0, "left")
    other = store.begin_judging(1, 2, "sha", "ada", session.clock())
    assert store.judgements(other.number) == []
    assert len(store.judgements()) == 1
    store.summarise_judging(other.number, "undecided")
    assert [each.summary for each in store.judgings()] == ["", "undecided"]


def test_an_answer_that_is_none_is_refused(store):
    session = made_session(store, made_questions())
    session.answer(0, "left")
    (kept,) = session.answers()
    with pytest.raises(ValueError, match="answer must be one of first, second, same, none"):
        store.add_judgement(type(kept)(**{**vars(kept), "answer": "better", "turn": 1}))
