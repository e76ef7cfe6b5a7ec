"""Questions: drawn once, only where rankings differ, and read back as they were written."""

import numpy as np
import pytest
from made_questions import made_questions

from pipeline.judging import Questions
from pipeline.judging.design import difference, probabilities
from training.faults import DataFault


def test_only_queries_whose_compared_results_differ_are_asked():
    questions = made_questions()
    assert sorted(each.query for each in questions.asked) == sorted(
        f"query {number}" for number in range(0, 20, 2)
    )
    assert (questions.count, questions.differing) == (20, 10)
    assert all(each.first[0] != each.second[0] for each in questions.asked)


def test_documents_of_equal_text_are_the_same():
    rankings = {"lost card": (("a", "b"), ("c", "b"))}
    texts = {"a": "Call us.", "b": "Pay.", "c": "call  US."}
    drawn = Questions.draw((1, 2), ["lost card"], rankings, texts, results=1, seed=0)
    assert drawn.asked == ()


def test_a_query_of_many_lines_is_asked_once_and_counts_each_time():
    rankings = {"lost card": (("a",), ("b",)), "pay": (("a",), ("a",))}
    log = ["lost card"] * 5 + ["pay"] * 5
    drawn = Questions.draw((1, 2), log, rankings, {"a": "x", "b": "y"}, results=1, seed=0)
    assert len(drawn.asked) == 1
    assert len(drawn.lines.questions) == 5
    assert drawn.lines.zeros.sum() == 5


def test_the_order_and_the_sides_depend_on_the_seed_alone():
    one, same, other = (made_questions(seed=seed) for seed in (1, 1, 2))
    assert one.asked == same.asked
    assert one.asked != other.asked
    sides = [made_questions(200).first_is_left(turn) for turn in range(100)]
    assert 30 < sum(sides) < 70


def test_lists_that_differ_more_are_asked_more_often_and_count_less():
    generator = np.random.default_rng(0)
    documents = {str(number): f"document {number}" for number in range(9)}
    near, far = (("0", "1", "2"), ("0", "1", "3")), (("0", "1", "2"), ("4", "5", "6"))
    log = [f"query {number}" for number in range(2000)]
    rankings = {query: far if generator.random() < 0.5 else near for query in log}
    drawn = Questions.draw((1, 2), log, rankings, documents, results=3, seed=0)
    asked = {
        which: sum(rankings[each.query] == which for each in drawn.asked) for which in (near, far)
    }
    assert asked[far] == sum(each == far for each in rankings.values())
    expected = np.sqrt(difference(*near)) * sum(each == near for each in rankings.values())
    assert asked[near] == pytest.approx(expected, rel=0.15)
    # Every line stands for itself: weighted back, all lines are there.
    assert drawn.lines.scales.sum() == pytest.approx(2000, rel=0.05)


def test_rankings_that_are_equal_have_probability_zero():
    assert probabilities(np.zeros(3)).tolist() == [0, 0, 0]


def test_questions_are_read_as_they_were_written_and_an_edit_is_noticed(tmp_path):
    questions = made_questions(results=2)
    digest = questions.save(tmp_path)
    read = Questions.load(tmp_path, digest)
    assert read.asked == questions.asked
    assert read.documents == questions.documents
    assert read.lines.zeros.tolist() == questions.lines.zeros.tolist()
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text().replace("query 2", "query 3"))
    with pytest.raises(
        DataFault, match="was changed after it was written; `anchorhold judge --new`"
    ):
        Questions.load(tmp_path, digest)
    file.unlink()
    with pytest.raises(DataFault, match="cannot be read"):
        Questions.load(tmp_path, digest)
