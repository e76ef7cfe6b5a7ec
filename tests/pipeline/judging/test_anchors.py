"""The evaluation set of answers: what was preferred is relevant, and it lasts."""

import pytest
from made_questions import made_session

from pipeline.judging import anchor_set
from pipeline.store import Store
from training.evaluation import EvaluationSet
from training.faults import DataFault


@pytest.fixture
def session():
    with Store.open("sqlite://") as store:
        yield made_session(store)


def test_what_was_preferred_answers_the_query(session, tmp_path):
    for turn, choice in enumerate(("left", "right", "same", "none")):
        session.answer(turn, choice)
    made = anchor_set("anchor/judged", session.answers(), {"x": "another document"})
    made.save(tmp_path / "judged")
    read = EvaluationSet.from_folder("anchor/judged", tmp_path / "judged")
    asked = session.questions.asked
    relevant = {read.queries[key]: set(found) for key, found in read.relevant.items()}
    for turn in (0, 1):
        answer = session.answers()[turn].answer
        ranking = asked[turn].first if answer == "first" else asked[turn].second
        assert relevant[asked[turn].query] == {ranking[0]}
    assert relevant[asked[2].query] == {asked[2].first[0], asked[2].second[0]}
    assert asked[3].query not in relevant
    assert "x" in read.corpus
    assert set(asked[3].first) <= set(read.corpus)


def test_the_newest_answer_about_a_document_counts(session):
    session.answer(0, "left")
    first = session.answers()[0]
    turned = type(first)(
        **{**vars(first), "answer": "second" if first.answer == "first" else "first"}
    )
    made = anchor_set("anchor/judged", [first, turned], {})
    (found,) = made.relevant.values()
    assert set(found) == {first.results[turned.answer][0][0]}


def test_answers_that_name_nothing_good_make_no_set(session):
    session.answer(0, "none")
    with pytest.raises(DataFault, match="no answer names a good result yet"):
        anchor_set("anchor/judged", session.answers(), {})
